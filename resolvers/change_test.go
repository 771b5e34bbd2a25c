package resolvers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/resolvers"
	"github.com/roster-gateway/roster/syncer"
)

func TestChangeQueries(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	hr := g.instance(t, "HR", "")
	g.apply(t, directory.Changes{Instance: hr, Put: []directory.Put{user("ana", "Ana", directory.StatusActive)}})
	g.apply(t, directory.Changes{Instance: hr, Put: []directory.Put{group("Team", directory.StatusActive)}})
	g.apply(t, directory.Changes{Instance: hr, Members: []directory.MemberChange{members("Team", "ana")}})
	second := group("Team", directory.StatusActive)
	second.UID = uid("another Team")
	g.apply(t, directory.Changes{Instance: hr, Put: []directory.Put{second}})
	golden(t, "changes", g.data(t, reader, `{ changes { nodes { cursor revision kind at identityId fqn identity { __typename } containerId container { fqn } }
		pageInfo { hasNextPage hasPreviousPage } } }`, nil))
	golden(t, "conflicts", g.data(t, reader, `{ conflicts { nodes { id kind identities { name } since } totalCount pageInfo { hasNextPage endCursor } } }`, nil))

	first := at(t, g.data(t, reader, `{ changes(first: 1) { nodes { cursor kind } pageInfo { hasNextPage endCursor } } }`, nil), "changes")
	rest := g.data(t, reader, `query($after: Cursor) { changes(after: $after) { nodes { kind } pageInfo { hasPreviousPage } } }`,
		map[string]any{"after": at(t, first, "pageInfo", "endCursor")})
	kinds := []any{at(t, first, "nodes", 0, "kind")}
	for _, node := range at(t, rest, "changes", "nodes").([]any) {
		kinds = append(kinds, at(t, node, "kind"))
	}
	if diff := cmp.Diff([]any{"IDENTITY_CREATED", "IDENTITY_CREATED", "MEMBER_ADDED", "IDENTITY_CREATED"}, kinds); diff != "" {
		t.Errorf("two pages (-want +got):\n%s", diff)
	}
}

// The revision is taken before anything is read, so that the answer reflects it whatever is written meanwhile.
func TestRevisionIsReflected(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	text := at(t, g.data(t, reader, `{ users { totalCount } revision }`, nil), "revision").(string)
	revision, err := directory.ParseRevision(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.directory.Await(t.Context(), revision); err != nil {
		t.Errorf("a later state does not reflect it: %v", err)
	}
	before := g.store.Statements()
	if got := g.code(t, nil, `{ revision }`, nil); got != "UNAUTHENTICATED" || g.store.Statements() != before {
		t.Errorf("%s, want UNAUTHENTICATED and no statement", got)
	}
}

func TestMutationsCarryTheirRevision(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	const mutation = `mutation { a: createRole(input: {name: "A"}) { role { fqn } } b: createRole(input: {name: "B"}) { role { fqn } }
		c: addRoleMembers(input: {role: "A", members: ["B"]}) { role { memberCount members { nodes { fqn } } } }
		d: removeRoleMembers(input: {role: "A", members: ["B"]}) { role { memberCount } } }`
	responses, ctx := g.open(t.Context(), admin, mutation, nil)
	response := responses(ctx)
	got := read(t, response)
	if len(got.Errors) > 0 {
		t.Fatal(got.Errors)
	}
	if n := at(t, got.Data, "c", "role", "members", "nodes", 0, "fqn"); n != "B" {
		t.Errorf("the second payload shows %v, want what its write made", n)
	}
	if n := at(t, got.Data, "d", "role", "memberCount"); n != json.Number("0") {
		t.Errorf("the last payload shows %v members, want what its write left", n)
	}
	header := http.Header{}
	resolvers.Headers(header, response)
	told := header.Get(resolvers.RevisionHeader)
	if revision, err := directory.ParseRevision(told); err != nil || revision.XID == 0 || got.Extensions["revision"] != told {
		t.Errorf("the answer carries the revision %v, its header %q (%v)", got.Extensions["revision"], told, err)
	} else if err := g.directory.Await(t.Context(), revision); err != nil {
		t.Errorf("the revision of the last write: %v", err)
	}
	failed := g.run(t, admin, `mutation { createRole(input: {name: ""}) { userErrors { code } } }`, nil)
	if failed.Extensions["revision"] != nil {
		t.Errorf("a failed mutation carries the revision %v", failed.Extensions["revision"])
	}
}

func TestSubscriptionDeliversChanges(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.role(t, "Old")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	responses, ctx := g.open(ctx, reader, `subscription { changes { kind fqn identity { fqn memberOf { nodes { fqn } } } container { fqn } } }`, nil)
	g.role(t, "New")
	g.role(t, "Top", "New")
	want := []string{"IDENTITY_CREATED New", "IDENTITY_CREATED Top", "MEMBER_ADDED New"}
	for _, w := range want {
		got := read(t, responses(ctx))
		if len(got.Errors) > 0 {
			t.Fatal(got.Errors)
		}
		if is := at(t, got.Data, "changes", "kind").(string) + " " + at(t, got.Data, "changes", "fqn").(string); is != w {
			t.Errorf("got %s, want %s", is, w)
		}
	}
	cancel()
	if response := responses(ctx); response != nil {
		t.Errorf("a stream goes on after its caller left: %s", response.Data)
	}
}

// A narrowed stream tells of no change that has an end out of scope.
func TestZ3AStreamIsNarrowed(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	hr, corp := g.instance(t, "HR", ""), g.instance(t, "CORP", "")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	narrowed := &access.Principal{Name: "HR's", Scopes: []access.Scope{access.Read}, Within: directory.ScopeOf(hr.ID)}
	responses, ctx := g.open(ctx, narrowed, `subscription { changes { kind fqn containerId } }`, nil)
	g.apply(t, directory.Changes{Instance: corp, Put: []directory.Put{user("ben", "Ben", directory.StatusActive), group("Board", directory.StatusActive)}})
	g.apply(t, directory.Changes{Instance: hr, Put: []directory.Put{user("ana", "Ana", directory.StatusActive)}})
	g.apply(t, directory.Changes{Instance: hr, Put: []directory.Put{group("Team", directory.StatusActive)}})
	across := members("Board", "ana")
	across.AnyInstance = true
	g.apply(t, directory.Changes{Instance: corp, Members: []directory.MemberChange{members("Board", "ben"), across}})
	across = members("Team", "ben", "ana")
	across.AnyInstance = true
	g.apply(t, directory.Changes{Instance: hr, Members: []directory.MemberChange{across}})
	for _, want := range []string{"IDENTITY_CREATED HR:ana", "IDENTITY_CREATED HR:Team", "MEMBER_ADDED HR:ana"} {
		got := read(t, responses(ctx))
		if len(got.Errors) > 0 {
			t.Fatal(got.Errors)
		}
		if is := at(t, got.Data, "changes", "kind").(string) + " " + at(t, got.Data, "changes", "fqn").(string); is != want {
			t.Errorf("got %s, want %s", is, want)
		}
	}
}

func TestSubscriptionGoesOnAfterACursor(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.role(t, "First")
	g.role(t, "Second")
	cursor := at(t, g.data(t, reader, `{ changes(first: 1) { nodes { cursor } } }`, nil), "changes", "nodes", 0, "cursor")
	responses, ctx := g.open(t.Context(), reader, `subscription($after: Cursor) { changes(after: $after) { fqn } }`, map[string]any{"after": cursor})
	if got := at(t, read(t, responses(ctx)).Data, "changes", "fqn"); got != "Second" {
		t.Errorf("got %v, want Second", got)
	}
	bad, ctx := g.open(t.Context(), reader, `subscription { changes(after: "x") { fqn } }`, nil)
	got := read(t, bad(ctx))
	if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "BAD_USER_INPUT" || got.Errors[0].Extensions["field"] == nil {
		t.Errorf("a bad cursor answers %+v", got)
	}
	if next := bad(ctx); next != nil {
		t.Errorf("a refused stream goes on: %+v", next)
	}
}

// A stream ends when its caller may go on no more, also one to which nothing comes.
func TestZ10StreamsEndWithTheirToken(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for streams to look at their tokens")
	}
	t.Parallel()
	g := newGateway(t)
	instance := g.instance(t, "HR", "EU")
	waiting, err := g.store.InsertRun(t.Context(), syncer.Run{UID: uuid.New(), InstanceID: instance.ID, Mode: syncer.ModeAuto}, directory.Audit{})
	if err != nil {
		t.Fatal(err)
	}
	ana, err := g.directory.Apply(t.Context(), directory.Changes{Instance: instance, Action: "test", Put: []directory.Put{
		{New: true, Kind: directory.KindUser, Name: "ana", DisplayName: "Ana", Status: directory.StatusDisabled},
	}})
	if err != nil {
		t.Fatal(err)
	}
	changes, run := `subscription { changes { fqn } }`, `subscription { syncRun(id: "`+waiting.UID.String()+`") { status } }`
	for name, test := range map[string]struct {
		scope        access.Scope
		query, code  string
		skip         int // responses that come before
		disabledUser bool
	}{
		"changes":            {access.Read, changes, "UNAUTHENTICATED", 0, false},
		"a run that waits":   {access.SyncAdmin, run, "UNAUTHENTICATED", 1, false},
		"changes, by a user": {access.Read, changes, "FORBIDDEN", 0, true},
		"a run, by a user":   {access.SyncAdmin, run, "FORBIDDEN", 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follower := &access.Principal{Name: "ana", Issuer: "https://id.example.com", Scopes: []access.Scope{test.scope}, Identity: ana.Records[0].UID}
			if !test.disabledUser {
				_, secret, err := g.access.CreateToken(t.Context(), access.CreateTokenInput{Name: "follower", Scopes: []access.Scope{test.scope}})
				if err != nil {
					t.Fatal(err)
				}
				if follower, err = g.access.Authenticate(t.Context(), []string{"Bearer " + secret}); err != nil {
					t.Fatal(err)
				}
			}
			responses, ctx := g.open(t.Context(), follower, test.query, nil)
			for range test.skip {
				if got := read(t, responses(ctx)); len(got.Errors) > 0 {
					t.Fatalf("%+v", got)
				}
			}
			if !test.disabledUser {
				if err := g.access.Revoke(t.Context(), follower.Token.String()); err != nil {
					t.Fatal(err)
				}
			}
			got := read(t, responses(ctx))
			if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != test.code {
				t.Errorf("the stream answers %+v, want %s", got, test.code)
			}
			if next := responses(ctx); next != nil {
				t.Errorf("the stream goes on: %s", next.Data)
			}
		})
	}
}
