package directory_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// fixture is a directory over a database of its own.
type fixture struct {
	testing.TB
	*directory.Directory
	store *store.Store
	db    *sqlx.DB // the rows themselves
	ctx   context.Context
}

// newFixture answers from memory, as the program does, with a cache too small for anything.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := newStoreFixture(t)
	if err := f.HoldInMemory(f.ctx, f.store, 4<<10); err != nil {
		t.Fatal(err)
	}
	return f
}

// newStoreFixture answers from the store.
func newStoreFixture(t testing.TB) *fixture {
	t.Helper()
	url := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlx.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); db.Close() })
	return &fixture{TB: t, Directory: directory.New(s), store: s, db: db, ctx: t.Context()}
}

// instance adds a provider of a type with one instance.
func (f *fixture) instance(label string, kind directory.ProviderTypeName, name string) *directory.Instance {
	f.Helper()
	if p, err := f.Provider(f.ctx, label); err != nil {
		f.Fatal(err)
	} else if p == nil {
		if _, err := f.AddProvider(f.ctx, label, kind, true); err != nil {
			f.Fatal(err)
		}
	}
	i, err := f.AddInstance(f.ctx, label, name, true)
	if err != nil {
		f.Fatal(err)
	}
	return i
}

// policies sets an instance's policies.
func (f *fixture) policies(i *directory.Instance, duplicates directory.DuplicateNamePolicy, renames directory.RenamePolicy) *directory.Instance {
	f.Helper()
	i, err := f.UpdateInstance(f.ctx, directory.InstanceUpdate{
		Provider: i.Provider.Name, Name: i.Name, DuplicateNames: &duplicates, Renames: &renames,
	})
	if err != nil {
		f.Fatal(err)
	}
	return i
}

func (f *fixture) apply(c directory.Changes) *directory.Result {
	f.Helper()
	result, err := f.Apply(f.ctx, c)
	if err != nil {
		f.Fatal(err)
	}
	return result
}

// put writes identities and returns their rows.
func (f *fixture) put(i *directory.Instance, puts ...directory.Put) []*directory.Record {
	f.Helper()
	return f.apply(directory.Changes{Instance: i, Put: puts}).Records
}

func user(name string) directory.Put {
	return directory.Put{Kind: directory.KindUser, New: true, Name: name}
}

func group(name string) directory.Put {
	return directory.Put{Kind: directory.KindGroup, New: true, Name: name}
}

// keyed is a put that finds its identity by external id, as a synchronization does.
func keyed(p directory.Put, externalID string) directory.Put {
	p.New, p.ExternalID = false, &externalID
	return p
}

// link adds members to a container.
func (f *fixture) link(i *directory.Instance, container *directory.Record, members ...*directory.Record) {
	f.Helper()
	f.apply(directory.Changes{Instance: i, Members: []directory.MemberChange{{Container: container.UID, Add: uids(members)}}})
}

func (f *fixture) delete(i *directory.Instance, records ...*directory.Record) {
	f.Helper()
	c := directory.Changes{Instance: i}
	for _, r := range records {
		c.Delete = append(c.Delete, directory.Delete{UID: r.UID, Reason: "gone"})
	}
	f.apply(c)
}

// setStatus writes an identity again with another status.
func (f *fixture) setStatus(i *directory.Instance, r *directory.Record, status directory.IdentityStatus) {
	f.Helper()
	f.put(i, directory.Put{
		UID: r.UID, Kind: r.Kind, ExternalID: r.ExternalID, Name: r.Name, DisplayName: r.DisplayName,
		Description: r.Description, Email: r.Email, Status: status, Attrs: r.Attrs.Set(),
	})
}

func uids(records []*directory.Record) []uuid.UUID {
	out := make([]uuid.UUID, len(records))
	for i, r := range records {
		out[i] = r.UID
	}
	return out
}

// byFQN looks an FQN up; nil where it is unknown.
func (f *fixture) byFQN(fqn string) *directory.Record {
	f.Helper()
	identity, err := f.Reader().ByFQN(f.ctx, fqn)
	if err != nil {
		f.Fatal(err)
	}
	if identity == nil {
		return nil
	}
	return identity.Base()
}

// members lists the FQNs of a container's members.
func (f *fixture) members(container *directory.Record, args directory.LinkArgs) []string {
	f.Helper()
	args.First = 1000
	page, err := f.Reader().Members(container, args)
	if err != nil {
		f.Fatal(err)
	}
	return nodeFQNs(f, page)
}

func (f *fixture) memberOf(identity *directory.Record, args directory.LinkArgs) []string {
	f.Helper()
	args.First = 1000
	page, err := f.Reader().MemberOf(identity, args)
	if err != nil {
		f.Fatal(err)
	}
	return nodeFQNs(f, page)
}

func nodeFQNs[T directory.Identity](f *fixture, page *directory.Page[T]) []string {
	f.Helper()
	nodes, err := page.Nodes(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	out := []string{}
	for _, n := range nodes {
		out = append(out, n.Base().FQN)
	}
	return out
}

// check asks whether a member is in a container.
func (f *fixture) check(member, container string) *directory.MembershipCheck {
	f.Helper()
	checks, err := f.Reader().CheckMembership(f.ctx, []directory.MembershipCheckInput{{Member: member, Container: container}})
	if err != nil {
		f.Fatal(err)
	}
	return checks[0]
}

// conflicts lists the conflicts as "KIND fqn fqn".
func (f *fixture) conflicts() []string {
	f.Helper()
	page, err := f.Reader().Conflicts(directory.PageArgs{First: 100})
	if err != nil {
		f.Fatal(err)
	}
	nodes, err := page.Nodes(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	out := []string{}
	for _, c := range nodes {
		text := string(c.Kind)
		for _, i := range c.Identities {
			text += " " + i.Base().FQN
		}
		out = append(out, text)
	}
	return out
}

var effective = directory.LinkArgs{Scope: directory.ScopeEffective}

func init() { testpg.Checks(15) }
