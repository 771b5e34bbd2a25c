package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// hr is a directory with one SCIM instance, and its rows.
type hr struct {
	*testing.T
	*directory.Directory
	instance *directory.Instance
	db       *sql.DB
}

func newHR(t *testing.T) hr {
	t.Helper()
	url := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d := directory.New(s)
	if _, err := d.AddProvider(t.Context(), "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	i, err := d.AddInstance(t.Context(), "HR", "", true)
	if err != nil {
		t.Fatal(err)
	}
	return hr{t, d, i, openSQL(t, url)}
}

func (h hr) put(puts ...directory.Put) []*directory.Record {
	h.Helper()
	result, err := h.Apply(h.Context(), directory.Changes{Instance: h.instance, Put: puts})
	if err != nil {
		h.Fatal(err)
	}
	return result.Records
}

func (h hr) add(container uuid.UUID, members ...uuid.UUID) error {
	_, err := h.Apply(h.Context(), directory.Changes{Instance: h.instance, Members: []directory.MemberChange{{Container: container, Add: members}}})
	return err
}

func (h hr) count(query string, args ...any) (n int) {
	h.Helper()
	if err := h.db.QueryRow(query, args...).Scan(&n); err != nil {
		h.Fatal(err)
	}
	return n
}

func create(kind directory.IdentityKind, name string) directory.Put {
	return directory.Put{New: true, Kind: kind, Name: name}
}

// at runs do n times at once and returns the errors.
func at(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

func TestOfConcurrentCreatesOfOneUserNameExactlyOneWins(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	names := []string{"ana@example.com", "ANA@example.com", "Ana@Example.com"}
	won := 0
	for _, err := range at(16, func(i int) error {
		_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Put: []directory.Put{create(directory.KindUser, names[i%3])}})
		return err
	}) {
		switch {
		case err == nil:
			won++
		case !directory.HasReason(err, directory.ReasonUniqueness):
			t.Errorf("a loser got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d creates won, want 1", won)
	}
}

func TestOfConcurrentRolesOfOneNameExactlyOneWins(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	names := []string{"Approvers", "APPROVERS"}
	count := func(what string, errs []error) {
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !directory.HasCode(err, directory.CodeConflict):
				t.Errorf("%s: a loser got %v", what, err)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d won, want 1", what, won)
		}
	}
	count("create", at(16, func(i int) error {
		_, err := h.CreateRole(t.Context(), names[i%2], nil)
		return err
	}))
	for i := range 8 {
		if _, err := h.CreateRole(t.Context(), fmt.Sprint("role", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	buyers := "Buyers"
	count("rename", at(8, func(i int) error {
		_, err := h.UpdateRole(t.Context(), directory.RoleUpdate{Name: fmt.Sprint("role", i), NewName: &buyers})
		return err
	}))
}

func TestConcurrentGroupsOfOneNameAllGetNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	for i, err := range at(16, func(int) error {
		_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Put: []directory.Put{create(directory.KindGroup, "Sales")}})
		return err
	}) {
		if err != nil {
			t.Errorf("create %d: %v", i, err)
		}
	}
	if n := h.count(`SELECT count(DISTINCT fqn_key) FROM identity`); n != 16 {
		t.Errorf("%d names, want 16", n)
	}
	if n := h.count(`SELECT count(*) FROM identity WHERE fqn = 'HR:Sales'`); n != 1 {
		t.Errorf("%d groups hold the plain name, want 1", n)
	}
}

func TestConcurrentMemberChangesAreNeverLost(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	team := h.put(create(directory.KindGroup, "team"))[0]
	var puts []directory.Put
	for i := range 64 {
		puts = append(puts, create(directory.KindUser, fmt.Sprintf("u%d", i)))
	}
	users := h.put(puts...)
	for i, err := range at(64, func(i int) error { return h.add(team.UID, users[i].UID) }) {
		if err != nil {
			t.Errorf("add %d: %v", i, err)
		}
	}
	if n := h.count(`SELECT count(*) FROM link`); n != 64 {
		t.Errorf("%d members, want 64", n)
	}
	if n := h.count(`SELECT version FROM identity WHERE id = $1`, team.ID); n != 65 {
		t.Errorf("version %d, want 65: one for each change", n)
	}
}

// Groups that are put into each other from both sides at once wait for one another; every write gets through.
func TestSafetyR6WritesThatDeadlockAreTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	groups := h.put(create(directory.KindGroup, "a"), create(directory.KindGroup, "b"), create(directory.KindGroup, "c"))
	for i, err := range at(48, func(i int) error {
		others := []uuid.UUID{groups[(i+1)%3].UID, groups[(i+2)%3].UID}
		if i%2 == 0 {
			return h.add(groups[i%3].UID, others...)
		}
		_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Members: []directory.MemberChange{
			{Container: groups[i%3].UID, Add: others[:1], Remove: others[1:]},
		}})
		return err
	}) {
		if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
}

// However additions and deletions meet, no link is left at a tombstone.
func TestNoLinkOutlivesATombstone(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	for round := range 10 {
		r := h.put(create(directory.KindGroup, fmt.Sprint("team", round)), create(directory.KindUser, fmt.Sprint("ana", round)), create(directory.KindGroup, fmt.Sprint("inner", round)))
		at(12, func(i int) error {
			if i%4 == 0 {
				_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Delete: []directory.Delete{{UID: r[rand.IntN(3)].UID}}})
				return err
			}
			return h.add(r[rand.IntN(2)*2].UID, r[1].UID, r[2].UID)
		})
	}
	if n := h.count(`SELECT count(*) FROM link l JOIN identity i ON i.id IN (l.container_id, l.member_id) WHERE i.status = 'DELETED'`); n != 0 {
		t.Errorf("%d links at tombstones", n)
	}
}

func TestAReplacedMemberListIsExact(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	r := h.put(create(directory.KindGroup, "team"), create(directory.KindUser, "a"), create(directory.KindUser, "b"), create(directory.KindUser, "c"))
	if err := h.add(r[0].UID, r[1].UID, r[2].UID); err != nil {
		t.Fatal(err)
	}
	stranger := uuid.New()
	result, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Members: []directory.MemberChange{
		{Container: r[0].UID, Replace: true, Add: []uuid.UUID{r[2].UID, r[3].UID, stranger}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if result.Linked != 1 || result.Unlinked != 1 || len(result.Unknown) != 1 || result.Unknown[0] != stranger {
		t.Errorf("linked %d, unlinked %d, unknown %v", result.Linked, result.Unlinked, result.Unknown)
	}
	if n := h.count(`SELECT count(*) FROM link WHERE member_id IN ($1, $2)`, r[2].ID, r[3].ID); n != 2 {
		t.Errorf("%d of the listed are members", n)
	}
	_, err = h.Apply(t.Context(), directory.Changes{Instance: h.instance, RefuseUnknownMembers: true, Members: []directory.MemberChange{
		{Container: r[0].UID, Replace: true, Add: []uuid.UUID{stranger}},
	}})
	if !directory.HasCode(err, directory.CodeBadInput) {
		t.Errorf("an unknown member: %v", err)
	}
	if n := h.count(`SELECT count(*) FROM link`); n != 2 {
		t.Errorf("%d members after a refused change, want 2", n)
	}
}

func TestAChangeAtAStaleVersionIsRefused(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	r := h.put(create(directory.KindUser, "ana"), create(directory.KindGroup, "team"))
	put := directory.Put{UID: r[0].UID, Kind: directory.KindUser, Name: "ana", DisplayName: "Ana", IfVersion: 1}
	h.put(put)
	for name, c := range map[string]directory.Changes{
		"put":     {Put: []directory.Put{put}},
		"delete":  {Delete: []directory.Delete{{UID: r[0].UID, IfVersion: 1}}},
		"members": {Members: []directory.MemberChange{{Container: r[1].UID, IfVersion: 7, Add: []uuid.UUID{r[0].UID}}}},
	} {
		c.Instance = h.instance
		if _, err := h.Apply(t.Context(), c); !directory.HasReason(err, directory.ReasonStale) {
			t.Errorf("%s: %v, want stale", name, err)
		}
	}
	if n := h.count(`SELECT count(*) FROM link`); n != 0 {
		t.Errorf("%d links", n)
	}
}

// What is refused leaves nothing behind, no audit row either.
func TestARefusedWriteLeavesNoTrace(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	r := h.put(create(directory.KindUser, "ana"), create(directory.KindUser, "bo"), create(directory.KindGroup, "team"))
	audits, changes := h.count(`SELECT count(*) FROM audit`), h.count(`SELECT count(*) FROM change_log`)
	for name, c := range map[string]directory.Changes{
		"one member of nobody":   {Members: []directory.MemberChange{{Container: uuid.New(), Add: []uuid.UUID{r[0].UID}}}},
		"two members of nobody":  {Members: []directory.MemberChange{{Container: uuid.New(), Add: []uuid.UUID{r[0].UID, r[1].UID}}}},
		"nobody's member gone":   {Members: []directory.MemberChange{{Container: uuid.New(), Remove: []uuid.UUID{r[0].UID}}}},
		"a member of a user":     {Members: []directory.MemberChange{{Container: r[0].UID, Add: []uuid.UUID{r[1].UID}}}},
		"at a stale version":     {Members: []directory.MemberChange{{Container: r[2].UID, IfVersion: 9, Add: []uuid.UUID{r[0].UID}}}},
		"two at a stale version": {Members: []directory.MemberChange{{Container: r[2].UID, IfVersion: 9, Add: []uuid.UUID{r[0].UID, r[1].UID}}}},
		"a name that is taken":   {Put: []directory.Put{create(directory.KindUser, "ANA")}},
	} {
		c.Instance = h.instance
		if _, err := h.Apply(t.Context(), c); err == nil {
			t.Errorf("%s: was done", name)
		}
		if a, l := h.count(`SELECT count(*) FROM audit`), h.count(`SELECT count(*) FROM change_log`); a != audits || l != changes {
			t.Fatalf("%s: %d audit rows and %d changes more", name, a-audits, l-changes)
		}
	}
}

// One identity and one member are written by statements of their own, which do what those for sets do.
func TestWritesOfOneAreLikeThoseOfMany(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	one := h.put(create(directory.KindUser, "Ana"))[0]
	many := h.put(create(directory.KindUser, "Bo"), create(directory.KindUser, "Cy"))
	if one.FQN != "HR:Ana" || one.Version != many[0].Version || one.CreatedAt.IsZero() || one.UpdatedAt.IsZero() {
		t.Errorf("created as %+v", one)
	}
	read, err := h.Reader().ByID(t.Context(), one.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, read.Base()); diff != "" {
		t.Errorf("created and read: %s", diff)
	}

	// A name that is somebody's alias, and one that somebody has, are not simply taken.
	h.put(directory.Put{UID: one.UID, Kind: directory.KindUser, Name: "Anna"})
	if taker := h.put(create(directory.KindUser, "ana"))[0]; taker.FQN != "HR:ana" {
		t.Errorf("the former name went to %s", taker.FQN)
	}
	if n := h.count(`SELECT count(*) FROM alias WHERE retired_at IS NOT NULL`); n != 1 {
		t.Errorf("%d aliases were retired, want 1", n)
	}
	if group := h.put(create(directory.KindGroup, "BO"))[0]; group.FQN == "HR:BO" {
		t.Error("a group got the name of a user")
	}

	team := h.put(create(directory.KindGroup, "team"))[0]
	stranger := uuid.New()
	for _, c := range []struct {
		add     []uuid.UUID
		linked  int
		unknown []uuid.UUID
		version int
	}{
		{[]uuid.UUID{one.UID}, 1, nil, 2},
		{[]uuid.UUID{one.UID}, 0, nil, 2},
		{[]uuid.UUID{stranger}, 0, []uuid.UUID{stranger}, 2},
		{[]uuid.UUID{many[0].UID, stranger}, 1, []uuid.UUID{stranger}, 3},
	} {
		result, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Members: []directory.MemberChange{{Container: team.UID, Add: c.add}}})
		if err != nil {
			t.Fatal(err)
		}
		if result.Revision.XID == 0 || result.Linked != c.linked || !slices.Equal(result.Unknown, c.unknown) {
			t.Errorf("adding %v: %+v", c.add, result)
		}
		if n := h.count(`SELECT version FROM identity WHERE id = $1`, team.ID); n != c.version {
			t.Errorf("after adding %v at version %d, want %d", c.add, n, c.version)
		}
	}
	if n := h.count(`SELECT count(*) FROM change_log WHERE kind = 'MEMBER_ADDED' AND container_id = $1`, team.ID); n != 2 {
		t.Errorf("%d changes of members were logged, want 2", n)
	}
	if n := h.count(`SELECT count(*) FROM audit WHERE target = $1`, team.UID.String()); n != 5 {
		t.Errorf("%d audit rows, want 5", n)
	}
}

// A group gets the name that another one is just giving up: the rename, which keeps the name as an alias, commits while
// the insert waits for it. The newcomer must not stand beside the alias: nobody else is found by its name.
func TestAnInsertMeetsARename(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	old := h.put(create(directory.KindGroup, "Sales"))[0]
	rename, err := h.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rename.Rollback() }()
	for _, statement := range []string{
		`UPDATE identity SET name = 'Sold', name_key = 'sold', fqn = 'HR:Sold', fqn_key = 'hr:sold', plain_key = 'hr:sold', version = version + 1 WHERE id = $1`,
		`INSERT INTO alias (identity_id, fqn, fqn_key) VALUES ($1, 'HR:Sales', 'hr:sales')`,
		`INSERT INTO change_log (kind, ids) VALUES ('IDENTITY_RENAMED', ARRAY[$1::bigint])`,
	} {
		if _, err := rename.Exec(statement, old.ID); err != nil {
			t.Fatal(err)
		}
	}
	inserted := make(chan *directory.Record)
	go func() { inserted <- h.put(create(directory.KindGroup, "Sales"))[0] }()
	time.Sleep(200 * time.Millisecond) // it looks, and may wait
	if err := rename.Commit(); err != nil {
		t.Fatal(err)
	}
	newcomer := <-inserted
	if n := h.count(`SELECT count(*) FROM alias a JOIN identity i ON i.fqn_key = a.fqn_key AND i.status <> 'DELETED' WHERE a.retired_at IS NULL`); n != 0 {
		t.Errorf("%s is a name and the alias of another group", newcomer.FQN)
	}
	if _, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Delete: []directory.Delete{{UID: newcomer.UID}}}); err != nil {
		t.Fatal(err)
	}
	found, err := h.Reader().ByFQN(t.Context(), newcomer.FQN)
	if err != nil || found == nil || found.Base().ID != newcomer.ID {
		t.Errorf("once deleted, %s finds %+v, %v", newcomer.FQN, found, err)
	}
}

// A container that somebody holds for long keeps nobody from adding to another one.
func TestNobodyWaitsForAnothersContainer(t *testing.T) {
	t.Parallel()
	_, db, d, i := growing(t, 0)
	made, err := d.Apply(t.Context(), directory.Changes{Instance: i, Put: []directory.Put{
		{Kind: directory.KindGroup, New: true, Name: "held"},
		{Kind: directory.KindGroup, New: true, Name: "free"},
		{Kind: directory.KindUser, New: true, Name: "ana"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	held, free, ana := made.Records[0].UID, made.Records[1].UID, made.Records[2].UID
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec(`SELECT FROM identity WHERE uid = $1 FOR UPDATE`, held.String()); err != nil {
		t.Fatal(err)
	}
	add := func(ctx context.Context, group uuid.UUID) error {
		_, err := d.Apply(ctx, directory.Changes{Instance: i, Members: []directory.MemberChange{{Container: group, Add: []uuid.UUID{ana}}}})
		return err
	}
	waits := make(chan error, 1)
	go func() { waits <- add(t.Context(), held) }()
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err := add(ctx, free)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-waits:
		t.Fatalf("a group that is held was changed: %v", err)
	default:
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; err != nil {
		t.Error(err)
	}
}
