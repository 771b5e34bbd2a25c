package plan_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
)

// mixed is a world whose instances are linked with each other: groups and managers of the one have members of the other.
func mixed(t *testing.T, url string, seed uint64) *world {
	t.Helper()
	w := worldOver(t, overDatabase(t, url, false), seed)
	for n, provider := range []string{"HR", "CORP"} {
		name := ""
		if provider == "CORP" {
			name = "EU"
		}
		i, err := w.directory.Instance(t.Context(), provider, name)
		if err != nil {
			t.Fatal(err)
		}
		c := directory.Changes{Instance: i}
		for _, twin := range []string{"a", "b"} { // a conflict
			name := fmt.Sprintf("twin%d", n)
			c.Put = append(c.Put, directory.Put{UID: uid(name + twin), New: true, Kind: directory.KindGroup, Name: name, DisplayName: name})
		}
		for g := range 5 {
			c.Members = append(c.Members, directory.MemberChange{
				Container: uid(fmt.Sprintf("group%d-%d", n, g)), AnyInstance: true,
				Add: []uuid.UUID{uid(fmt.Sprintf("group%d-%d", 1-n, g+1)), uid(fmt.Sprintf("user%d-%d", 1-n, 2*g))},
			})
		}
		w.apply(t, c)
	}
	execute(t, url, `DELETE FROM provisioning_event`) // it is for SYNC_ADMIN, which cannot be narrowed
	execute(t, url, `UPDATE link SET container_id = (SELECT min(o.id) FROM identity o JOIN identity m ON m.id = link.member_id
		WHERE o.kind = 'USER' AND o.instance_id <> m.instance_id AND o.status <> 'DELETED' AND o.id % 5 = link.member_id % 5)
		WHERE kind = 'manager' AND member_id % 3 = 0`)
	return w
}

// reopened is the world as another process finds it, in memory.
func (w *world) reopened(t *testing.T, url string) *world {
	t.Helper()
	out := *w
	out.roads = overDatabase(t, url, true)
	return &out
}

func execute(t *testing.T, url, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%v in %s", err, statement)
	}
}

// forget takes everything out of a database that is not of the instances with these labels, as if it had never been there.
func forget(t *testing.T, url string, labels []string) {
	t.Helper()
	const gone = `SELECT i.id FROM identity i JOIN provider_instance x ON x.id = i.instance_id JOIN provider p ON p.id = x.provider_id
		WHERE p.name <> ALL (string_to_array($1, ','))`
	kept := strings.Join(labels, ",")
	execute(t, url, `DELETE FROM link WHERE container_id IN (`+gone+`) OR member_id IN (`+gone+`)`, kept)
	execute(t, url, `DELETE FROM alias WHERE identity_id IN (`+gone+`)`, kept)
	execute(t, url, `DELETE FROM identity WHERE id IN (`+gone+`)`, kept)
	execute(t, url, `UPDATE provider_instance x SET deleted_at = now() FROM provider p WHERE p.id = x.provider_id AND p.name <> ALL (string_to_array($1, ','))`, kept)
	execute(t, url, `UPDATE provider p SET deleted_at = now() WHERE p.name <> ALL (string_to_array($1, ','))`, kept)
}

// asked is an operation with the answer that it had.
type asked struct {
	query     string
	variables map[string]any
	answer    answer
}

// Whoever is narrowed to some instances sees the directory as if there had never been any others: every operation has the
// answer, byte for byte, that everybody gets of a database from which the rest was taken out. That is so on both roads, in
// look-ups, lists, counts, and memberships of any depth.
func TestZ3OutOfScopeIsNotFound(t *testing.T) {
	t.Parallel()
	for n, labels := range [][]string{{"HR"}, {"CORP", "Local"}} {
		t.Run(strings.Join(labels, " and "), func(t *testing.T) {
			t.Parallel()
			url := testpg.New(t)
			w := mixed(t, url, uint64(n)).reopened(t, url)
			w.by = &access.Principal{Name: "admin", Scopes: access.AdminScopes, Within: scopeOf(t, w.directory, labels...)}
			operations := w.ask(t)
			changes := w.changes(t)
			w.feedIsFiltered(t, labels, changes)

			forget(t, url, labels)
			rest := w.reopened(t, url)
			rest.by = nil
			different := 0
			for _, o := range operations {
				if got, _ := rest.same(t, o.query, o.variables); !cmp.Equal(got, o.answer) {
					different++
					t.Errorf("%s %v (-as if there were no others +narrowed):\n%s", o.query, o.variables, cmp.Diff(got, o.answer))
				}
				if different == 3 {
					t.FailNow()
				}
			}
		})
	}
}

// ask draws operations, and keeps them with their answers.
func (w *world) ask(t *testing.T) []asked {
	t.Helper()
	var out []asked
	var cursors []string
	rapid.Check(t, func(rt *rapid.T) {
		for range 2 {
			g := &operations{T: rt, world: w, schema: w.schema.Schema(), cursors: cursors}
			query, variables := g.operation()
			got, _ := w.same(rt, query, variables)
			out = append(out, asked{query, maps.Clone(variables), got})
			for _, found := range anyCursor.FindAllStringSubmatch(got.Data, 3) {
				if len(cursors) < 200 {
					cursors = append(cursors, found[1])
				}
			}
		}
	})
	for _, query := range []string{
		`{ conflicts { totalCount nodes { kind identities { fqn } } } }`,
		`{ providers { name instances { name } } hr: provider(name: "hr") { name } corp: provider(name: "CORP") { name } local: provider(name: "Local") { name } }`,
		`{ hr: providerInstance(provider: "HR") { id name } corp: providerInstance(provider: "corp", name: "eu") { id name } }`,
		`{ identities(first: 1000) { totalCount nodes { fqn memberOf(scope: EFFECTIVE) { totalCount nodes { fqn } } } } }`,
		`{ users(first: 1000) { totalCount nodes { fqn manager { fqn } reports(first: 2) { totalCount nodes { fqn } pageInfo { hasNextPage } } } } }`,
		`{ users(search: "user", orderBy: {field: DISPLAY_NAME, direction: DESC}) { totalCount nodes { fqn } } }`,
		`{ users(filter: {status: [DELETED]}) { totalCount nodes { fqn } } groups(filter: {provider: "HR"}) { totalCount nodes { fqn } } }`,
	} {
		got, _ := w.same(t, query, nil)
		out = append(out, asked{query, nil, got})
	}
	return out
}

// change is a change as far as it can be compared.
type change struct {
	Kind, FQN           string
	IdentityID          string
	ContainerID         *string
	Identity, Container *struct {
		Instance struct{ Provider struct{ Name string } }
	}
}

// changes reads the whole feed in pages of a few.
func (w *world) changes(t *testing.T) []change {
	t.Helper()
	var out []change
	var after *string
	for {
		body := request(t, `query($after: Cursor) { changes(first: 7, after: $after) { nodes { kind fqn identityId containerId
			identity { instance { provider { name } } } container { instance { provider { name } } } } pageInfo { hasNextPage endCursor } } }`, map[string]any{"after": after})
		by := w.by
		if by == nil {
			by = admin
		}
		var page struct {
			Data struct {
				Changes struct {
					Nodes    []change
					PageInfo struct {
						HasNextPage bool
						EndCursor   *string
					}
				}
			}
			Errors []any
		}
		if err := json.Unmarshal(send(w.planned, body, by), &page); err != nil || page.Errors != nil {
			t.Fatal(err, page.Errors)
		}
		out = append(out, page.Data.Changes.Nodes...)
		if !page.Data.Changes.PageInfo.HasNextPage {
			return out
		}
		after = page.Data.Changes.PageInfo.EndCursor
	}
}

// feedIsFiltered holds the narrowed feed to the whole one without the changes that have an end out of scope.
func (w *world) feedIsFiltered(t *testing.T, labels []string, got []change) {
	t.Helper()
	whole := *w
	whole.by = nil
	var want []change
	for _, c := range whole.changes(t) {
		if c.Identity != nil && slices.Contains(labels, c.Identity.Instance.Provider.Name) &&
			(c.ContainerID == nil || slices.Contains(labels, c.Container.Instance.Provider.Name)) {
			want = append(want, c)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
		t.Errorf("the narrowed feed (-want +got):\n%s", diff)
	}
}

func scopeOf(t *testing.T, d *directory.Directory, labels ...string) *directory.Scope {
	t.Helper()
	var ids []int64
	providers, err := d.Providers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	reader := d.Reader()
	for _, p := range providers {
		if !slices.Contains(labels, p.Name) {
			continue
		}
		instances, err := reader.InstancesOf(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range instances {
			ids = append(ids, i.ID)
		}
	}
	return directory.ScopeOf(ids...)
}

// A way over somebody out of scope is no way: ana is in Outer over CORP's group alone.
func TestZ4NestedPathsAreFilteredAtEachHop(t *testing.T) {
	t.Parallel()
	r := overPostgres(t, true)
	hr, corp := r.instance(t, "HR", ""), r.instance(t, "CORP", "")
	named := func(name string, kind directory.IdentityKind) directory.Put {
		return directory.Put{UID: uid(name), New: true, Kind: kind, Name: name, DisplayName: name}
	}
	r.apply(t, directory.Changes{Instance: hr, Put: []directory.Put{named("outer", directory.KindGroup), named("ana", directory.KindUser)}})
	r.apply(t, directory.Changes{Instance: corp, Put: []directory.Put{named("middle", directory.KindGroup), named("ben", directory.KindUser)}})
	r.apply(t, directory.Changes{Instance: corp, Members: []directory.MemberChange{{Container: uid("middle"), Add: []uuid.UUID{uid("ana"), uid("ben")}, AnyInstance: true}}})
	r.apply(t, directory.Changes{Instance: hr, Members: []directory.MemberChange{{Container: uid("outer"), Add: []uuid.UUID{uid("middle")}, AnyInstance: true}}})
	const query = `{
		identity(fqn: "HR:outer") { ... on Group { direct: memberCount all: memberCount(scope: EFFECTIVE) hasMember(fqn: "HR:ana")
			members(scope: EFFECTIVE) { totalCount nodes { fqn } } } }
		ana: identity(fqn: "HR:ana") { memberOf(scope: EFFECTIVE) { totalCount nodes { fqn } } }
		checkMembership(checks: [{member: "HR:ana", container: "HR:outer"}]) { isMember path { fqn } }
		resolve(fqns: ["HR:outer", "CORP:middle"]) { results { status users { totalCount nodes { fqn } } } }
		principals(fqn: "HR:ana") }`
	for _, test := range []struct {
		name  string
		scope *directory.Scope
		want  string
	}{
		{"everything", nil, `{"identity":{"direct":1,"all":3,"hasMember":true,"members":{"totalCount":3,"nodes":[{"fqn":"HR:ana"},{"fqn":"CORP:middle"},{"fqn":"CORP:ben"}]}},` +
			`"ana":{"memberOf":{"totalCount":2,"nodes":[{"fqn":"HR:outer"},{"fqn":"CORP:middle"}]}},` +
			`"checkMembership":[{"isMember":true,"path":[{"fqn":"HR:ana"},{"fqn":"CORP:middle"},{"fqn":"HR:outer"}]}],` +
			`"resolve":{"results":[{"status":"RESOLVED","users":{"totalCount":2,"nodes":[{"fqn":"HR:ana"},{"fqn":"CORP:ben"}]}},` +
			`{"status":"RESOLVED","users":{"totalCount":2,"nodes":[{"fqn":"HR:ana"},{"fqn":"CORP:ben"}]}}]},` +
			`"principals":["HR:ana","HR:outer","CORP:middle"]}`},
		{"the ends", directory.ScopeOf(hr.ID), `{"identity":{"direct":0,"all":0,"hasMember":false,"members":{"totalCount":0,"nodes":[]}},` +
			`"ana":{"memberOf":{"totalCount":0,"nodes":[]}},"checkMembership":[{"isMember":false,"path":null}],` +
			`"resolve":{"results":[{"status":"RESOLVED","users":{"totalCount":0,"nodes":[]}},{"status":"UNKNOWN","users":{"totalCount":0,"nodes":[]}}]},` +
			`"principals":["HR:ana"]}`},
		{"nothing", directory.ScopeOf(), `{"identity":null,"ana":null,"checkMembership":[{"isMember":false,"path":null}],` +
			`"resolve":{"results":[{"status":"UNKNOWN","users":{"totalCount":0,"nodes":[]}},{"status":"UNKNOWN","users":{"totalCount":0,"nodes":[]}}]},"principals":[]}`},
	} {
		r.by = &access.Principal{Name: "reader", Scopes: []access.Scope{access.Read}, Within: test.scope}
		got, _ := r.same(t, query, nil)
		if diff := cmp.Diff(answer{Data: test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
