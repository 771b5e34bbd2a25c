package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/roster-gateway/roster/internal/soak/history"
)

// The sizes of the world: small, so that clients meet.
const (
	clients   = 16 // writers, and as many readers
	teams     = 8  // groups whose members anybody changes
	members   = 24 // who may be in them, and in the role
	pairs     = 12 // pairs of users of whom one is in the group of pairs
	perWriter = 3  // people who are one writer's alone
)

// roleName is the role whose members are changed by GraphQL.
const roleName = "Approvers"

// world is what there is to write and read, and the history of it.
type world struct {
	*cluster
	begun      time.Time
	push, read string // tokens
	ids        map[string]string
	names      map[string]string // by id

	mu sync.Mutex
	// recording is off where nobody judges.
	recording bool
	writes    []*history.Write
	reads     []*history.Read
	// recent are the last acknowledged writes with their revisions.
	recent []*revised
	// people are the ids of people who were created, living or not.
	people                       []string
	wrote, asked, busy, mistaken int
	troubles                     int // faults of the network
	problems                     []error
}

// revised is a write with its revision.
type revised struct {
	*history.Write
	revision string
}

const (
	keptRecent = 64
	keptPeople = 400
)

func (w *world) now() time.Duration { return time.Since(w.begun) }

// newWorld makes everybody.
func newWorld(ctx context.Context, c *cluster) (*world, error) {
	w := &world{cluster: c, begun: time.Now(), recording: true, ids: map[string]string{}, names: map[string]string{}}
	r := c.replicas[0]
	for _, m := range []struct {
		query string
		input object
	}{
		{`mutation($input: AddProviderInput!) { m: addProvider(input: $input) { userErrors { code message } } }`, object{"name": "HR", "type": "SCIM"}},
		{`mutation($input: AddProviderInstanceInput!) { m: addProviderInstance(input: $input) { userErrors { code message } } }`, object{"provider": "HR"}},
		{`mutation($input: CreateRoleInput!) { m: createRole(input: $input) { userErrors { code message } } }`, object{"name": roleName}},
	} {
		if _, err := r.mutate(ctx, c.admin, m.query, m.input); err != nil {
			return nil, err
		}
	}
	var err error
	if w.push, err = w.token(ctx, object{"name": "push", "scopes": []string{"SCIM"}, "provider": "HR"}); err != nil {
		return nil, err
	}
	if w.read, err = w.token(ctx, object{"name": "read", "scopes": []string{"READ"}}); err != nil {
		return nil, err
	}
	time.Sleep(staleness) // a Roster that is late is for the checker to find
	return w, w.populate(ctx)
}

func (w *world) token(ctx context.Context, input object) (string, error) {
	var answer struct{ M struct{ Secret string } }
	query := `mutation($input: CreateAccessTokenInput!) { m: createAccessToken(input: $input) { secret } }`
	_, err := w.replicas[0].graphQL(ctx, w.admin, "", query, object{"input": input}, &answer)
	return answer.M.Secret, err
}

// populate makes the users and groups that stay, and notes how the registers begin.
func (w *world) populate(ctx context.Context) error {
	for i := range members {
		if err := w.create(ctx, "Users", user(i), object{"userName": user(i)}); err != nil {
			return err
		}
		for t := range teams {
			w.begins(link(t, i), "out")
		}
		w.begins(roleLink(i), "out")
	}
	for t := range teams {
		if err := w.create(ctx, "Groups", team(t), object{"displayName": team(t)}); err != nil {
			return err
		}
	}
	var first []object
	for p := range pairs {
		for _, side := range []string{"a", "b"} {
			if err := w.create(ctx, "Users", paired(p, side), object{"userName": paired(p, side)}); err != nil {
				return err
			}
		}
		first = append(first, object{"value": w.ids[paired(p, "a")]})
		w.begins(pair(p), "a")
	}
	if err := w.create(ctx, "Groups", "pairs", object{"displayName": "pairs", "members": first}); err != nil {
		return err
	}
	if err := w.create(ctx, "Groups", "outer", object{"displayName": "outer", "members": []object{{"value": w.ids[team(0)]}}}); err != nil {
		return err
	}
	for i := range clients {
		if err := w.create(ctx, "Groups", renamed(i), object{"displayName": renamed(i)}); err != nil {
			return err
		}
		w.begins(renamed(i), renamed(i))
	}
	time.Sleep(staleness)
	return nil
}

func (w *world) create(ctx context.Context, kind, name string, body object) error {
	var made struct{ ID string }
	_, err := w.replicas[0].scim(ctx, w.push, "POST", kind, body, &made)
	w.ids[name], w.names[made.ID] = made.ID, name
	return err
}

func (w *world) begins(register, value string) {
	w.writes = append(w.writes, &history.Write{Register: register, Value: value})
}

// The names of users, groups and registers.
func user(i int) string                { return fmt.Sprint("u", i) }
func team(t int) string                { return fmt.Sprint("team", t) }
func paired(p int, side string) string { return fmt.Sprint("pair", p, side) }
func link(t, i int) string             { return team(t) + "/" + user(i) }
func roleLink(i int) string            { return roleName + "/" + user(i) }
func pair(p int) string                { return fmt.Sprint("pair", p) }
func renamed(i int) string             { return fmt.Sprint("named", i) }
func person(id string) string          { return "person/" + id }

// wroteNow notes a write that has ended. Where there was no answer, or one that leaves it open, it may have happened.
func (w *world) wroteNow(h *history.Write, revision string, err error) {
	h.Ack = w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		r, refused := err.(*refusal)
		switch {
		case refused && (r.status == 409 || r.status == 412): // it did not happen
			w.busy++
			return
		case refused && !r.unavailable:
			w.mistaken++
			w.problem(fmt.Errorf("writing %s = %q: %w", h.Register, h.Value, err))
		default:
			w.busy++
		}
		h.Ack = history.Never
	}
	w.wrote++
	if !w.recording {
		return
	}
	w.writes = append(w.writes, h)
	if err == nil && revision != "" {
		w.recent = append(w.recent, &revised{h, revision})
		if len(w.recent) > keptRecent {
			w.recent = w.recent[1:]
		}
	}
}

// problem keeps the first few.
func (w *world) problem(err error) {
	if len(w.problems) < 10 {
		w.problems = append(w.problems, err)
	}
}

// someRecent draws a late write, nil where there is none yet.
func (w *world) someRecent(random *rand.Rand) *revised {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.recent) == 0 {
		return nil
	}
	return w.recent[random.IntN(len(w.recent))]
}

func (w *world) somePerson(random *rand.Rand) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.people) == 0 {
		return ""
	}
	return w.people[random.IntN(len(w.people))]
}
