package sqldb_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector/sqldb"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

// organization is the schema of a source that changes. Nothing keeps links from leading nowhere.
const organization = `
	CREATE TABLE people (id int PRIMARY KEY, login text NOT NULL UNIQUE DEFERRABLE INITIALLY DEFERRED, name text, mail text, about text, active int, boss int);
	CREATE TABLE teams (id int PRIMARY KEY, title text NOT NULL, about text);
	CREATE TABLE seats (team int, who int, PRIMARY KEY (team, who));
	CREATE TABLE mark (n int);
	INSERT INTO people VALUES (0, 'always', NULL, NULL, NULL, 1, NULL);
	INSERT INTO mark VALUES (0)`

// Ids of users are below those of groups, so that one number is one identity.
const usersBelow, groupsFrom, groupsBelow = 60, 1000, 1015

// ids are the ways in which ids are told: %s is a number.
var ids = []string{"%s", "md5((%s)::text)::uuid", "'key ' || (%s)", "decode(md5((%s)::text), 'hex')"}

// company is an organization in a database.
type company struct {
	*world
	// id is how it tells ids, and idText the same as a text.
	id, idText func(column string) string
	// fresh counts the names that were given.
	fresh int
}

func newCompany(t *testing.T, seed uint64) *company {
	t.Helper()
	c := &company{world: start(t, organization)}
	way := ids[seed%uint64(len(ids))]
	c.id = func(column string) string { return fmt.Sprintf(way, column) }
	c.idText = func(column string) string { return "(" + c.id(column) + ")::text" }
	if strings.HasPrefix(way, "decode") {
		c.idText = func(column string) string { return fmt.Sprintf("md5((%s)::text)::uuid::text", column) }
	}
	c.values = map[string]string{
		"sql.driver": "postgres", "sql.connectionString": c.proxy.URL(),
		"sql.usersQuery":  "SELECT " + c.id("id") + " AS id, login AS username, name AS displayname, mail AS email, about AS description, active AS enabled, " + c.id("boss") + " AS manager FROM people",
		"sql.groupsQuery": "SELECT " + c.id("id") + " AS id, title AS name, about AS description FROM teams",
		"sql.linksQuery":  "SELECT " + c.id("team") + " AS group_id, " + c.id("who") + fmt.Sprintf(" AS member_id, CASE WHEN who < %d THEN 'user' ELSE 'group' END AS member_type FROM seats", groupsFrom),
	}
	if seed%2 == 0 {
		c.values["sql.watermarkQuery"] = "SELECT n FROM mark"
	}
	return c
}

// mutate changes the organization n times, each time in one transaction.
func (c *company) mutate(t *testing.T, rng *rand.Rand, n int) {
	t.Helper()
	for range n {
		statements := "UPDATE mark SET n = n + 1"
		for range 1 + rng.IntN(8) {
			statements += "; " + c.mutation(rng)
		}
		if _, err := c.db.Exec(statements); err != nil {
			t.Error(err)
		}
	}
}

func (c *company) mutation(rng *rand.Rand) string {
	user, other, team := 1+rng.IntN(usersBelow-1), rng.IntN(usersBelow), groupsFrom+rng.IntN(groupsBelow-groupsFrom)
	member := []int{other, groupsFrom + rng.IntN(groupsBelow-groupsFrom)}[rng.IntN(2)]
	c.fresh++
	name := fmt.Sprintf("person%d", c.fresh)
	switch rng.IntN(14) {
	case 0, 1, 2:
		return fmt.Sprintf("INSERT INTO people VALUES (%d, '%s', %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET name = excluded.name, mail = excluded.mail, about = excluded.about", user, name,
			or(rng, "'Name %d'", c.fresh), or(rng, "'p%d@example.com'", c.fresh), or(rng, "'About %d'", c.fresh), []string{"0", "1", "1", "NULL"}[rng.IntN(4)], or(rng, "%d", other))
	case 3:
		return fmt.Sprintf("DELETE FROM people WHERE id = %d", user)
	case 4:
		return fmt.Sprintf("UPDATE people SET login = '%s' WHERE id = %d", name, user)
	case 5: // somebody else with the same id
		return fmt.Sprintf("DELETE FROM people WHERE id = %[1]d; INSERT INTO people (id, login) VALUES (%[1]d, '%[2]s')", user, name)
	case 6:
		return fmt.Sprintf("UPDATE people SET active = %s, boss = nullif(%d, id) WHERE id = %d", []string{"0", "1", "NULL"}[rng.IntN(3)], other, user)
	case 7, 8:
		return fmt.Sprintf("INSERT INTO teams VALUES (%d, 'Team %d', %s) ON CONFLICT (id) DO UPDATE SET title = excluded.title, about = excluded.about", team, rng.IntN(8), or(rng, "'About %d'", c.fresh))
	case 9:
		return fmt.Sprintf("DELETE FROM teams WHERE id = %d", team)
	case 10:
		return fmt.Sprintf("INSERT INTO seats SELECT %d, %d WHERE %[1]d <> %[2]d ON CONFLICT DO NOTHING", team, member)
	case 11: // two who exchange their names
		return fmt.Sprintf("UPDATE people p SET login = o.login FROM people o WHERE p.id IN (%[1]d, %[2]d) AND o.id IN (%[1]d, %[2]d) AND o.id <> p.id", user, other)
	default:
		return fmt.Sprintf("DELETE FROM seats WHERE team = %d AND (who < %d OR who = %d)", team, other, member)
	}
}

func or(rng *rand.Rand, format string, n int) string {
	if rng.IntN(3) == 0 {
		return "NULL"
	}
	return fmt.Sprintf(format, n)
}

// drawn is the organization as the directory has to show it.
func (c *company) drawn(t *testing.T) synctest.Picture {
	t.Helper()
	out := synctest.Picture{}
	rows, err := c.db.Query("SELECT " + c.idText("p.id") + ", login, coalesce(name, login), mail, about, active, " + c.idText("(SELECT b.id FROM people b WHERE b.id = p.boss)") + " FROM people p")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		i := synctest.Identity{Kind: directory.KindUser, Status: directory.StatusActive, Attributes: directory.AttributeSet{}}
		key, mail, about, active, boss := "", sql.NullString{}, sql.NullString{}, sql.NullBool{}, sql.NullString{}
		if err := rows.Scan(&key, &i.Name, &i.DisplayName, &mail, &about, &active, &boss); err != nil {
			t.Fatal(err)
		}
		if i.Email, i.Description = mail.String, about.String; mail.Valid {
			i.Attributes["emails"] = []any{map[string]any{"value": mail.String, "type": "work", "primary": true}}
		}
		if active.Valid {
			i.Attributes["active"] = active.Bool
			if !active.Bool {
				i.Status = directory.StatusDisabled
			}
		}
		if boss.Valid {
			i.Links = []string{boss.String}
		}
		out[key] = i
	}
	groups, err := c.db.Query("SELECT " + c.idText("t.id") + ", title, coalesce(about, ''), ARRAY(SELECT " + c.idText("who") + " FROM seats WHERE team = t.id AND (who IN (SELECT id FROM people) OR who IN (SELECT id FROM teams)))::text FROM teams t")
	if err != nil {
		t.Fatal(err)
	}
	defer groups.Close()
	for groups.Next() {
		i := synctest.Identity{Kind: directory.KindGroup, Status: directory.StatusActive, Attributes: directory.AttributeSet{}}
		key, members := "", ""
		if err := groups.Scan(&key, &i.Name, &i.Description, &members); err != nil {
			t.Fatal(err)
		}
		i.DisplayName = i.Name
		if members = strings.ReplaceAll(strings.Trim(members, "{}"), `"`, ""); members != "" {
			i.Links = strings.Split(members, ",")
			slices.Sort(i.Links)
		}
		out[key] = i
	}
	return out
}

// TestTheDirectoryBecomesWhatTheDatabaseIs is the law: however a database changes, between rounds and while it is read, one
// run after the last change the directory is what the database is.
func TestTheDirectoryBecomesWhatTheDatabaseIs(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, sqldb.WithPages(15, 1000))
	rig.Work(rig.Service(syncer.Config{Lease: 10 * time.Second, Poll: 20 * time.Millisecond}))
	synctest.EachSeed(t, *synctest.Seeds, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesDatabase(t, rig, seed, func(_ *rand.Rand, label string, o syncer.StartOptions) { rig.Synced(label, o) })
	})
}

// TestR21TheDirectoryBecomesWhatTheDatabaseIsThoughRunsAreKilled is the same law while the processes that work on runs are
// killed, at one transaction after another.
func TestR21TheDirectoryBecomesWhatTheDatabaseIsThoughRunsAreKilled(t *testing.T) {
	t.Parallel()
	rig := synctest.New(t, sqldb.WithPages(15, 1000))
	synctest.EachSeed(t, *synctest.Kills, func(t *testing.T, seed uint64) {
		rig := rig.For(t)
		becomesDatabase(t, rig, seed, func(rng *rand.Rand, label string, o syncer.StartOptions) { rig.Killed(rng, 20, label, o) })
	})
	if left := rig.Aside(); len(left) > 0 {
		t.Errorf("runs that have ended left %v behind", left)
	}
	t.Logf("killed at %v", rig.Died())
}

func becomesDatabase(t *testing.T, rig *synctest.Rig, seed uint64, run func(*rand.Rand, string, syncer.StartOptions)) {
	t.Helper()
	rng, meanwhile := rand.New(rand.NewPCG(seed, 12)), rand.New(rand.NewPCG(seed, 13))
	c := newCompany(t, seed)
	c.mutate(t, rng, rng.IntN(60))
	label := fmt.Sprintf("Database%d", seed)
	rig.Add(label, directory.TypeSQL, c.values)
	for range 1 + rng.IntN(2) {
		mutated := make(chan struct{})
		go func() {
			defer close(mutated)
			for range meanwhile.IntN(15) {
				c.mutate(t, meanwhile, 1)
				time.Sleep(time.Duration(meanwhile.IntN(12)) * time.Millisecond)
			}
		}()
		run(rng, label, syncer.StartOptions{Mode: []syncer.Mode{syncer.ModeAuto, syncer.ModeAuto, syncer.ModeFull}[rng.IntN(3)]})
		<-mutated
	}
	for range 2 { // the second time nothing has changed
		run(rng, label, syncer.StartOptions{})
		if diff := cmp.Diff(c.drawn(t), rig.Picture(label)); diff != "" {
			t.Fatalf("(-database +directory):\n%s", diff)
		}
	}
}
