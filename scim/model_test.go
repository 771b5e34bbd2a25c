package scim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/graphqlhttp"
	"github.com/roster-gateway/roster/resolvers"
)

// gateway is a world with GraphQL beside SCIM, both as the program serves them: over the state in memory.
type gateway struct {
	*world
	graphQL *httptest.Server
}

func newGateway(t testing.TB) *gateway {
	t.Helper()
	w := newWorld(t)
	if err := w.directory.HoldInMemory(t.Context(), w.store, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := w.access.HoldInMemory(t.Context(), w.directory); err != nil {
		t.Fatal(err)
	}
	root := &resolvers.Resolver{Directory: w.directory, Access: w.access, Provisioning: w.events, PublicURL: publicURL}
	graphQL := graphqlhttp.NewHandler(resolvers.NewSchema(root), graphqlhttp.Config{
		Present: resolvers.Present, Extensions: resolvers.Extensions(root), Log: canary.LogTo(w.t, w.log),
	})
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusForbidden)
	}
	g := &gateway{world: w, graphQL: httptest.NewServer(canary.Handler(w.t, w.access.Middleware(graphQL, refuse)))}
	t.Cleanup(g.graphQL.Close)
	return g
}

// ask answers a GraphQL query into out.
func (g *gateway) ask(query string, variables map[string]any, out any) {
	g.world.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		g.world.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(g.world.t.Context(), http.MethodPost, g.graphQL.URL, bytes.NewReader(body))
	if err != nil {
		g.world.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		g.world.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		g.world.t.Fatal(err)
	}
	answer := struct {
		Data   any
		Errors []any
	}{Data: out}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Errors) > 0 {
		g.world.t.Fatalf("%s: %v %s", query, err, text)
	}
}

// model is what a test holds true of an instance. It is kept from what was sent, by nothing of Roster's own, and is safe
// for concurrent use.
type model struct {
	mu     sync.Mutex
	people map[string]person // by id
	teams  map[string]team
}

type person struct {
	UserName, DisplayName, ExternalID, Email, Manager string
	Active                                            bool
}

type team struct {
	DisplayName, ExternalID string
	Members                 map[string]bool
}

func newModel() *model { return &model{people: map[string]person{}, teams: map[string]team{}} }

// person changes what is true of a user, or tells of a new one.
func (m *model) person(id string, change func(p *person)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.people[id]
	change(&p)
	m.people[id] = p
}

// team changes what is true of a group, or tells of a new one.
func (m *model) team(id string, change func(t *team)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.teams[id]
	if t.Members == nil {
		t.Members = map[string]bool{}
	}
	change(&t)
	m.teams[id] = t
}

// join and leave change members of a group.
func (m *model) join(group string, members ...string) {
	m.team(group, func(t *team) {
		for _, id := range members {
			t.Members[id] = true
		}
	})
}

func (m *model) leave(group string, members ...string) {
	m.team(group, func(t *team) {
		for _, id := range members {
			delete(t.Members, id)
		}
	})
}

// gone tells that a user or group was deleted: nobody is linked to it any more.
func (m *model) gone(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.people, id)
	delete(m.teams, id)
	for _, t := range m.teams {
		delete(t.Members, id)
	}
	for other, p := range m.people {
		if p.Manager == id {
			p.Manager = ""
			m.people[other] = p
		}
	}
}

// picture is a whole instance as one door shows it.
type picture struct {
	People map[string]person
	Teams  map[string]team
	// In lists the groups of each user.
	In map[string][]string
}

// picture is what the doors have to show.
func (m *model) picture() picture {
	p := picture{m.people, m.teams, map[string][]string{}}
	for id := range m.people {
		p.In[id] = []string{}
	}
	for id, t := range m.teams {
		for member := range t.Members {
			p.In[member] = append(p.In[member], id)
		}
	}
	for _, groups := range p.In {
		slices.Sort(groups)
	}
	return p
}

// agree holds SCIM, GraphQL and the model against each other.
func (g *gateway) agree(m *model) {
	g.world.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	want := m.picture()
	if diff := cmp.Diff(want, g.bySCIM()); diff != "" {
		g.world.t.Errorf("SCIM shows something else (-model +SCIM):\n%s", diff)
	}
	if diff := cmp.Diff(want, g.byGraphQL()); diff != "" {
		g.world.t.Errorf("GraphQL shows something else (-model +GraphQL):\n%s", diff)
	}
}

// bySCIM reads every page of both lists.
func (g *gateway) bySCIM() picture {
	g.world.t.Helper()
	out := picture{map[string]person{}, map[string]team{}, map[string][]string{}}
	g.everyone("/Users", func(r *answer) {
		id := r.text("id")
		p := person{
			UserName: r.text("userName"), DisplayName: r.text("displayName"), ExternalID: r.text("externalId"),
			Email: r.text("emails", 0, "value"), Manager: r.text(enterprise, "manager", "value"), Active: r.at("active") == true,
		}
		if _, twice := out.People[id]; twice {
			g.world.t.Errorf("the user %s is listed twice", id)
		}
		out.People[id] = p
		in := r.values("groups")
		slices.Sort(in)
		out.In[id] = in
	})
	g.everyone("/Groups", func(r *answer) {
		id := r.text("id")
		t := team{DisplayName: r.text("displayName"), ExternalID: r.text("externalId"), Members: map[string]bool{}}
		for _, member := range r.values("members") {
			if t.Members[member] {
				g.world.t.Errorf("%s is listed twice as a member of %s", member, id)
			}
			t.Members[member] = true
		}
		if _, twice := out.Teams[id]; twice {
			g.world.t.Errorf("the group %s is listed twice", id)
		}
		out.Teams[id] = t
	})
	return out
}

// everyone hands over each resource of a list, page by page.
func (g *gateway) everyone(endpoint string, do func(r *answer)) {
	g.world.t.Helper()
	const page = 150
	for start := 1; ; start += page {
		a := g.get(fmt.Sprintf("%s?startIndex=%d&count=%d", endpoint, start, page)).is(http.StatusOK)
		list, _ := a.at("Resources").([]any)
		for _, r := range list {
			do(&answer{t: g.world.t, what: a.what, body: r.(map[string]any)})
		}
		if len(list) < page {
			return
		}
	}
}

// byGraphQL reads the same by the other door: live identities, disabled ones too.
func (g *gateway) byGraphQL() picture {
	g.world.t.Helper()
	type ref struct{ ID string }
	type refs struct {
		Nodes    []ref
		PageInfo struct{ HasNextPage bool }
	}
	type connection[T any] struct {
		Nodes    []T
		PageInfo struct {
			HasNextPage bool
			EndCursor   *string
		}
	}
	type user struct {
		ID, UserName, DisplayName, Status string
		Email, ExternalID                 *string
		Manager                           *ref
		MemberOf                          refs
	}
	type group struct {
		ID, Name   string
		ExternalID *string
		Members    refs
	}
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	whole := func(r refs) []ref {
		if r.PageInfo.HasNextPage {
			g.world.t.Error("a list of links is longer than its page")
		}
		return r.Nodes
	}
	out := picture{map[string]person{}, map[string]team{}, map[string][]string{}}
	for after, more := (*string)(nil), true; more; {
		var answer struct{ Users connection[user] }
		g.ask(`query($after: Cursor) { users(first: 200, after: $after, filter: {provider: "`+provider+`"}) { pageInfo { hasNextPage endCursor }
			nodes { id userName displayName email externalId status manager { id } memberOf(first: 1000) { nodes { id } pageInfo { hasNextPage } } } } }`,
			map[string]any{"after": after}, &answer)
		for _, u := range answer.Users.Nodes {
			p := person{UserName: u.UserName, DisplayName: u.DisplayName, ExternalID: text(u.ExternalID), Email: text(u.Email), Active: u.Status == "ACTIVE"}
			if u.Manager != nil {
				p.Manager = u.Manager.ID
			}
			out.People[u.ID] = p
			in := []string{}
			for _, c := range whole(u.MemberOf) {
				in = append(in, c.ID)
			}
			slices.Sort(in)
			out.In[u.ID] = in
		}
		after, more = answer.Users.PageInfo.EndCursor, answer.Users.PageInfo.HasNextPage
	}
	for after, more := (*string)(nil), true; more; {
		var answer struct{ Groups connection[group] }
		g.ask(`query($after: Cursor) { groups(first: 200, after: $after, filter: {provider: "`+provider+`"}) { pageInfo { hasNextPage endCursor }
			nodes { id name externalId members(first: 1000, status: [ACTIVE, DISABLED]) { nodes { id } pageInfo { hasNextPage } } } } }`,
			map[string]any{"after": after}, &answer)
		for _, n := range answer.Groups.Nodes {
			t := team{DisplayName: n.Name, ExternalID: text(n.ExternalID), Members: map[string]bool{}}
			for _, member := range whole(n.Members) {
				t.Members[member.ID] = true
			}
			out.Teams[n.ID] = t
		}
		after, more = answer.Groups.PageInfo.EndCursor, answer.Groups.PageInfo.HasNextPage
	}
	return out
}
