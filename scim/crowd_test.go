package scim_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// worker is one of a crowd. Its users and groups are its own, so that it knows exactly what is true of them; the shared
// groups are everybody's, and each adds and removes only its own users there.
type worker struct {
	*client
	*model
	rand          *rand.Rand
	number, made  int
	users, groups []string
	shared        []string
	requests      *atomic.Int64
}

// TestCrowd lets 16 clients create, change and delete users, groups and members at once. No request fails, no member is
// lost, nobody is there twice, and SCIM, GraphQL and the model agree in the end.
func TestCrowd(t *testing.T) {
	t.Parallel()
	const clients = 16
	lasting := 3 * time.Second
	if inFull {
		lasting = 60 * time.Second
	}
	g := newGateway(t)
	m, requests := newModel(), &atomic.Int64{}
	shared := make([]string, 4)
	for i := range shared {
		name := fmt.Sprint("shared ", i)
		shared[i] = g.group(name)
		m.team(shared[i], func(t *team) { t.DisplayName = name })
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	end := time.Now().Add(lasting)
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			w := &worker{client: g.client, model: m, rand: rand.New(rand.NewPCG(seed, uint64(n))), number: n, shared: shared, requests: requests}
			for time.Now().Before(end) && !t.Failed() {
				w.act()
			}
		})
	}
	all.Wait()
	t.Logf("%d requests, %d users, %d groups", requests.Load(), len(m.people), len(m.teams))
	g.agree(m)
	if strings.Contains(g.log.String(), "level=ERROR") {
		t.Errorf("errors were logged: %s", g.log)
	}
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// act does one of the things that clients do.
func (w *worker) act() {
	w.t.Helper()
	w.requests.Add(1)
	const most = 40 // users of one worker
	switch n := w.rand.IntN(100); {
	case len(w.users) == 0 || n < 15 && len(w.users) < most:
		w.createUser()
	case n < 30:
		w.changeUser(pick(w.rand, w.users))
	case n < 38 || len(w.users) >= most:
		w.deleteUser(pick(w.rand, w.users))
	case n < 43 && len(w.groups) < 5 || len(w.groups) == 0:
		w.createGroup()
	case n < 46:
		w.deleteGroup(pick(w.rand, w.groups))
	case n < 60:
		w.changeMembers(pick(w.rand, w.groups))
	case n < 90:
		w.changeMembers(pick(w.rand, w.shared))
	case n < 95:
		w.replaceMembers(pick(w.rand, w.groups))
	default:
		w.look()
	}
}

func (w *worker) createUser() {
	w.made++
	p := person{UserName: fmt.Sprintf("w%d-%d@crowd.example", w.number, w.made), DisplayName: fmt.Sprint("W ", w.made), ExternalID: fmt.Sprintf("x%d-%d", w.number, w.made), Active: true}
	body := map[string]any{"userName": p.UserName, "displayName": p.DisplayName, "externalId": p.ExternalID}
	if len(w.users) > 0 && w.rand.IntN(2) == 0 {
		p.Manager = pick(w.rand, w.users)
		body[enterprise] = map[string]any{"manager": p.Manager}
	}
	id := w.post("/Users", body).is(http.StatusCreated).text("id")
	w.person(id, func(of *person) { *of = p })
	w.users = append(w.users, id)
}

func (w *worker) changeUser(id string) {
	switch w.rand.IntN(3) {
	case 0:
		name := fmt.Sprint("changed ", w.rand.IntN(1000))
		w.patch("/Users/"+id, `{"op":"replace","path":"displayName","value":"`+name+`"}`).is(http.StatusNoContent)
		w.person(id, func(p *person) { p.DisplayName = name })
	case 1:
		active := w.rand.IntN(2) == 0
		w.patch("/Users/"+id, fmt.Sprintf(`{"op":"replace","value":{"active":%t}}`, active)).is(http.StatusNoContent)
		w.person(id, func(p *person) { p.Active = active })
	case 2:
		body := echo(w.t, w.get("/Users/"+id).is(http.StatusOK))
		w.made++
		body["userName"] = fmt.Sprintf("w%d-%d@crowd.example", w.number, w.made)
		w.put("/Users/"+id, body).is(http.StatusOK)
		w.person(id, func(p *person) { p.UserName = body["userName"].(string) })
	}
}

func (w *worker) deleteUser(id string) {
	w.delete("/Users/" + id).is(http.StatusNoContent)
	w.gone(id)
	w.users = slices.DeleteFunc(w.users, func(other string) bool { return other == id })
	w.delete("/Users/" + id).is(http.StatusNotFound)
}

func (w *worker) createGroup() {
	w.made++
	name := fmt.Sprintf("group %d-%d", w.number, w.made)
	members := w.some()
	id := w.group(name, members...)
	w.team(id, func(t *team) { t.DisplayName = name })
	w.join(id, members...)
	w.groups = append(w.groups, id)
}

func (w *worker) deleteGroup(id string) {
	w.delete("/Groups/" + id).is(http.StatusNoContent)
	w.gone(id)
	w.groups = slices.DeleteFunc(w.groups, func(other string) bool { return other == id })
}

// some are a few of the worker's own users.
func (w *worker) some() []string {
	out := []string{}
	for range w.rand.IntN(5) {
		out = append(out, pick(w.rand, w.users))
	}
	return distinct(out)
}

// changeMembers adds and removes own users of a group, in all forms, one request for both.
func (w *worker) changeMembers(group string) {
	add, remove := w.some(), w.some()
	remove = slices.DeleteFunc(remove, func(id string) bool { return slices.Contains(add, id) })
	operations := []any{}
	if len(add) > 0 {
		operations = append(operations, op("add", "members", refs(add)))
	}
	for i, id := range remove {
		if i%2 == 0 {
			operations = append(operations, map[string]any{"op": "remove", "path": `members[value eq "` + id + `"]`})
		} else {
			operations = append(operations, op("Remove", "members", refs([]string{id})))
		}
	}
	if len(operations) == 0 {
		return
	}
	w.do(http.MethodPatch, "/Groups/"+group, map[string]any{"Operations": operations}).is(http.StatusNoContent)
	w.join(group, add...)
	w.leave(group, remove...)
}

// replaceMembers sets the whole list of an own group.
func (w *worker) replaceMembers(group string) {
	list := w.some()
	w.do(http.MethodPatch, "/Groups/"+group, map[string]any{"Operations": []any{op("replace", "members", refs(list))}}).is(http.StatusNoContent)
	w.team(group, func(t *team) { t.Members = map[string]bool{} })
	w.join(group, list...)
}

// look reads what the worker wrote: a provisioning client sees it at once.
func (w *worker) look() {
	id := pick(w.rand, w.users)
	w.mu.Lock()
	want := w.people[id]
	w.mu.Unlock()
	w.get("/Users/"+id).is(http.StatusOK).has(want.UserName, "userName").has(want.DisplayName, "displayName").has(want.Active, "active")
	same(w.t, "found by name", []string{id}, w.list("/Users", `userName eq "`+strings.ToUpper(want.UserName)+`"`).ids())
	same(w.t, "found by externalId", []string{id}, w.list("/Users", `externalId eq "`+want.ExternalID+`"`).ids())
}
