package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/lib/pq"

	"github.com/roster-gateway/roster/bench/dataset"
	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/store"
	"github.com/roster-gateway/roster/syncer"
)

// synchronized is Roster over a database of its own, with a source that costs next to nothing: the data set in memory.
type synchronized struct {
	data   *dataset.Data
	label  string
	store  *store.Store
	people *directory.Directory
	sync   *syncer.Service
	raw    *sql.DB
	close  func()
}

// syncRows measures a first run, and a second one that finds nothing new, each beside the least that it can cost: COPY
// and one merge, and COPY and one join; then one that is told of a few changes.
func (b *bench) syncRows(ctx context.Context, r *report) error {
	s, err := b.synchronized(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	for _, name := range []string{"sync-first", "sync-again"} {
		again := name == "sync-again"
		rawTook, err := s.rawRound(ctx, again)
		if err != nil {
			return fmt.Errorf("%s, raw: %w", name, err)
		}
		want := syncer.Counts{}
		if !again {
			want = syncer.Counts{Created: len(s.data.Users) + len(s.data.Groups), Linked: s.links()}
		}
		took, heap, err := s.round(ctx, syncer.ModeFull, want)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		limit := "COPY and one merge"
		if again {
			limit = "COPY and one join"
		}
		r.add(row{
			Name: name, Limit: limit, Target: 1.4, AtMost: true, Unit: "x the time", Ratio: took.Seconds() / rawTook.Seconds(),
			Roster: &figures{Requests: 1, Checked: 1, P50: milliseconds(took)}, Raw: &figures{Requests: 1, Checked: 1, P50: milliseconds(rawTook)},
		})
		r.add(row{Name: name + " memory", Limit: "over idle", Target: 300, AtMost: true, Unit: "MB", Ratio: float64(heap) / (1 << 20)})
	}
	took, _, err := s.round(ctx, syncer.ModeDelta, syncer.Counts{Updated: changedUsers, Linked: changedLinks, Unlinked: changedLinks})
	if err != nil {
		return fmt.Errorf("sync-changes: %w", err)
	}
	r.add(row{
		Name: "sync-changes", Limit: "1,000 changes", Target: 2, AtMost: true, Unit: "s", Ratio: took.Seconds(),
		Roster: &figures{Requests: 1, Checked: 1, P50: milliseconds(took)},
	})
	return nil
}

func (b *bench) synchronized(ctx context.Context) (*synchronized, error) {
	server, err := sql.Open("postgres", b.server)
	if err != nil {
		return nil, err
	}
	var names []string
	s := &synchronized{data: b.data}
	s.close = func() {
		if s.store != nil {
			_ = s.store.Close()
		}
		if s.raw != nil {
			_ = s.raw.Close()
		}
		for _, name := range names {
			_, _ = server.Exec(`DROP DATABASE IF EXISTS ` + pq.QuoteIdentifier(name) + ` WITH (FORCE)`)
		}
		_ = server.Close()
	}
	databases := &databases{server: server, serverURL: b.server}
	for range 2 {
		name := "roster_bench_sync_" + strings.ToLower(rand.Text()[:10])
		names = append(names, name)
		if _, err := server.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(name)+` TEMPLATE template0`); err != nil {
			s.close()
			return nil, err
		}
		if err := store.Migrate(ctx, databases.url(name)); err != nil {
			s.close()
			return nil, err
		}
	}
	if err := s.open(ctx, databases.url(names[0]), dataset.Label); err != nil {
		s.close()
		return nil, err
	}
	s.raw, err = sql.Open("postgres", databases.url(names[1]))
	return s, err
}

// open opens a database, with a provider that the data set is read into.
func (s *synchronized) open(ctx context.Context, url, label string) error {
	var err error
	s.label = label
	if s.store, err = store.Open(ctx, store.Config{URL: url, MaxConns: 8, Timeout: time.Minute}); err != nil {
		return err
	}
	kind := connector.Type{
		ProviderType: directory.ProviderType{Name: directory.TypeAzureAD, Description: "The data set."},
		Open:         func(connector.Config) (connector.Source, error) { return s, nil },
	}
	s.people = directory.New(s.store, directory.WithProviderType(kind.ProviderType))
	s.sync = syncer.New(s.store, s.people, syncer.Config{Types: []connector.Type{kind}, Log: slog.New(slog.DiscardHandler), Poll: 100 * time.Millisecond})
	if _, err := s.people.AddProvider(ctx, label, directory.TypeAzureAD, true); err != nil {
		return err
	}
	_, err = s.people.AddInstance(ctx, label, "", true)
	return err
}

// links counts the data set's memberships.
func (s *synchronized) links() (n int) {
	for i := range s.data.Groups {
		n += len(s.data.Groups[i].Users) + len(s.data.Groups[i].Groups)
	}
	return n
}

// round runs Roster's synchronization once, and returns how long it took and how much memory it held beside the data.
func (s *synchronized) round(ctx context.Context, mode syncer.Mode, want syncer.Counts) (time.Duration, uint64, error) {
	runtime.GC()
	base := liveHeap()
	var peak atomic.Uint64
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for ctx.Err() == nil {
			peak.Store(max(peak.Load(), liveHeap()))
			time.Sleep(100 * time.Millisecond)
		}
	}()
	begun := time.Now()
	run, err := s.run(ctx, mode, func(*syncer.Run) {})
	if err != nil {
		return 0, 0, err
	}
	took := time.Since(begun)
	got := syncer.Counts{Created: run.Created, Updated: run.Updated, Disabled: run.Disabled, Deleted: run.Deleted, Linked: run.Linked, Unlinked: run.Unlinked}
	if run.Status != syncer.Complete || got != want {
		return 0, 0, fmt.Errorf("the run is %s and counts %+v", run.Status, run.Counts)
	}
	return took, peak.Load() - min(peak.Load(), base), nil
}

// liveHeap is what the last collection found in use, in bytes: the data set, which this process holds too, leaves the
// collector much room for what is not.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// run runs one synchronization to its end, and shows how it stands on the way.
func (s *synchronized) run(ctx context.Context, mode syncer.Mode, look func(*syncer.Run)) (*syncer.Run, error) {
	run, err := s.sync.Start(ctx, s.label, "", syncer.StartOptions{Mode: mode})
	if err != nil {
		return nil, err
	}
	working, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); s.sync.Work(working) }()
	defer func() { stop(); <-done }()
	for run.Status.Live() {
		time.Sleep(50 * time.Millisecond)
		runs, err := s.sync.RunsByUID(ctx, []uuid.UUID{run.UID})
		if err != nil {
			return nil, err
		}
		run = runs[0]
		look(run)
	}
	return run, nil
}

// perPage is how many rows a page has.
const perPage = 1000

// Read implements [connector.Source].
func (s *synchronized) Read(ctx context.Context, from connector.From, stage func(context.Context, connector.Page) error) error {
	if len(from.State) > 0 {
		return stage(ctx, s.changes())
	}
	page := connector.Page{}
	flush := func(least int) error {
		if len(page.Identities)+len(page.Links) < least {
			return nil
		}
		err := stage(ctx, page)
		page = connector.Page{}
		return err
	}
	for i := range s.data.Users {
		u := &s.data.Users[i]
		page.Identities = append(page.Identities, connector.Identity{Kind: directory.KindUser, Key: u.ExternalID(), Attributes: map[string]any{
			"userName": u.UserName, "displayName": u.Display, "title": u.Title, "userType": "Employee", "active": true,
			"name":   map[string]any{"givenName": u.Given, "familyName": u.Family, "formatted": u.Display},
			"emails": []any{map[string]any{"value": u.UserName, "type": "work", "primary": true}},
		}})
		if err := flush(perPage); err != nil {
			return err
		}
	}
	for i := range s.data.Groups {
		g := &s.data.Groups[i]
		page.Identities = append(page.Identities, connector.Identity{Kind: directory.KindGroup, Key: g.ExternalID(), Attributes: map[string]any{"displayName": g.Name}})
		link := func(other connector.Ref) error {
			page.Links = append(page.Links, connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: g.ExternalID(), Other: other})
			return flush(5 * perPage)
		}
		for _, u := range g.Users {
			if err := link(connector.Ref{Kind: directory.KindUser, Key: s.data.Users[u].ExternalID()}); err != nil {
				return err
			}
		}
		for _, child := range g.Groups {
			if err := link(connector.Ref{Kind: directory.KindGroup, Key: s.data.Groups[child].ExternalID()}); err != nil {
				return err
			}
		}
	}
	page.End = &connector.End{State: []byte("whole")}
	return stage(ctx, page)
}

// What a differential round tells: users with another title, and members who change groups.
const (
	changedUsers = 800
	changedLinks = 100
)

func (s *synchronized) changes() connector.Page {
	page := connector.Page{End: &connector.End{State: []byte("changed")}}
	for i := range changedUsers {
		u := &s.data.Users[i*len(s.data.Users)/changedUsers]
		page.Identities = append(page.Identities, connector.Identity{Kind: directory.KindUser, Key: u.ExternalID(), Attributes: map[string]any{"title": "Another " + u.Title}})
	}
	for n, i := 0, 0; n < changedLinks; i++ {
		from, to := &s.data.Groups[2*i], &s.data.Groups[2*i+1]
		leaves := slices.IndexFunc(from.Users, func(user int32) bool { return !slices.Contains(to.Users, user) })
		if leaves < 0 {
			continue
		}
		n++
		member := connector.Ref{Kind: directory.KindUser, Key: s.data.Users[from.Users[leaves]].ExternalID()}
		page.Links = append(page.Links,
			connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: from.ExternalID(), Other: member, Removed: true},
			connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: to.ExternalID(), Other: member})
	}
	return page
}

// Lookup implements [connector.Source].
func (*synchronized) Lookup(context.Context, directory.IdentityKind, string, string) (*connector.Page, error) {
	return nil, nil
}

// Check implements [connector.Source].
func (*synchronized) Check(context.Context, func(connector.Check)) {}

// rawRound copies the data set into bare tables, and merges them into tables like Roster's, or compares them with what is
// there, each by one statement.
func (s *synchronized) rawRound(ctx context.Context, again bool) (time.Duration, error) {
	begun := time.Now()
	tx, err := s.raw.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	for _, statement := range []string{
		`DROP TABLE IF EXISTS raw_identity, raw_link`,
		`CREATE TABLE raw_identity (LIKE identity INCLUDING DEFAULTS)`,
		`CREATE TABLE raw_link (container_key text COLLATE "C", member_key text COLLATE "C")`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	if err := s.data.CopyAside(ctx, tx, "raw_identity", "raw_link"); err != nil {
		return 0, err
	}
	statements := rawMerge
	if again {
		statements = rawJoin
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return 0, err
		}
	}
	return time.Since(begun), tx.Commit()
}

var rawMerge = []string{
	`ANALYZE raw_identity`, `ANALYZE raw_link`,
	`INSERT INTO provider (name, name_key, type) VALUES ('Raw', 'raw', 'AzureAD')`,
	`INSERT INTO provider_instance (provider_id, name, name_key, url_token) SELECT id, '', '', 'raw' FROM provider WHERE name = 'Raw'`,
	`INSERT INTO identity (uid, kind, instance_id, external_id, name, name_key, fqn, fqn_key, plain_key, display_name, display_key, email, email_key,
		attributes, words) SELECT uid, kind, (SELECT max(id) FROM provider_instance), external_id, name, name_key, fqn, fqn_key, plain_key, display_name,
		display_key, email, email_key, attributes, words FROM raw_identity`,
	`ANALYZE identity`,
	`INSERT INTO link (container_id, kind, member_id) SELECT c.id, 'member', m.id FROM raw_link l
		JOIN identity c ON c.external_id = l.container_key JOIN identity m ON m.external_id = l.member_key ORDER BY c.id, m.id`,
}

var rawJoin = []string{
	`ANALYZE raw_identity`, `ANALYZE raw_link`,
	`SELECT count(*) FROM raw_identity s FULL JOIN identity i ON i.kind = s.kind AND i.external_id = s.external_id
		WHERE (i.name, i.display_name, i.email, i.attributes) IS DISTINCT FROM (s.name, s.display_name, s.email, s.attributes)`,
	`SELECT count(*) FROM (SELECT c.id AS container_id, m.id AS member_id FROM raw_link l
		JOIN identity c ON c.external_id = l.container_key JOIN identity m ON m.external_id = l.member_key) AS w
		FULL JOIN link l ON l.kind = 'member' AND l.container_id = w.container_id AND l.member_id = w.member_id
		WHERE l.container_id IS NULL OR w.container_id IS NULL`,
}
