package main

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/roster-gateway/roster/internal/soak/history"
)

// writer is one client that writes.
type writer struct {
	*world
	index  int
	random *rand.Rand
	own    [perWriter]someone
	n      int // of names, so that no two are the same
}

// someone is a person of this writer, as the writer left them.
type someone struct {
	id, name, display string
	active            bool
}

// write makes one write, to any replica.
func (w *writer) write(ctx context.Context) {
	r := w.replicas[w.random.IntN(len(w.replicas))]
	switch w.random.IntN(10) {
	case 0, 1, 2:
		w.changeTeam(ctx, r)
	case 3, 4:
		w.changeRole(ctx, r)
	case 5:
		w.swap(ctx, r)
	case 6:
		w.rename(ctx, r)
	default:
		w.changePerson(ctx, r)
	}
}

// do runs one write of a register and notes it.
func (w *writer) do(r *replica, register, value string, send func() (revision string, err error)) error {
	h := &history.Write{Register: register, Value: value, Start: w.now(), Replica: r.index}
	revision, err := send()
	w.wroteNow(h, revision, err)
	return err
}

func (w *writer) changeTeam(ctx context.Context, r *replica) {
	t, i := w.random.IntN(teams), w.random.IntN(members)
	id, path := w.ids[user(i)], "Groups/"+w.ids[team(t)]
	value := []object{{"value": id}}
	switch w.random.IntN(3) {
	case 0:
		_ = w.do(r, link(t, i), "out", func() (string, error) {
			return r.patch(ctx, w.push, path, object{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", id)})
		})
	case 1:
		_ = w.do(r, link(t, i), "out", func() (string, error) {
			return r.patch(ctx, w.push, path, object{"op": "Remove", "path": "members", "value": value})
		})
	default:
		_ = w.do(r, link(t, i), "in", func() (string, error) {
			return r.patch(ctx, w.push, path, object{"op": "add", "path": "members", "value": value})
		})
	}
}

func (w *writer) changeRole(ctx context.Context, r *replica) {
	i := w.random.IntN(members)
	field, value := "addRoleMembers", "in"
	if w.random.IntN(2) == 0 {
		field, value = "removeRoleMembers", "out"
	}
	_ = w.do(r, roleLink(i), value, func() (string, error) {
		query := `mutation($input: ChangeRoleMembersInput!) { m: ` + field + `(input: $input) { userErrors { code message } } }`
		return r.mutate(ctx, w.admin, query, object{"role": roleName, "members": []string{"HR:" + user(i)}})
	})
}

// swap puts one of a pair in the other's place: in no state are both of them there, or neither.
func (w *writer) swap(ctx context.Context, r *replica) {
	p, in, out := w.random.IntN(pairs), "a", "b"
	if w.random.IntN(2) == 0 {
		in, out = out, in
	}
	_ = w.do(r, pair(p), in, func() (string, error) {
		return r.patch(
			ctx, w.push, "Groups/"+w.ids["pairs"],
			object{"op": "remove", "path": fmt.Sprintf("members[value eq %q]", w.ids[paired(p, out)])},
			object{"op": "add", "path": "members", "value": []object{{"value": w.ids[paired(p, in)]}}},
		)
	})
}

func (w *writer) rename(ctx context.Context, r *replica) {
	w.n++
	name := fmt.Sprintf("%s %d", renamed(w.index), w.n)
	_ = w.do(r, renamed(w.index), name, func() (string, error) {
		return r.patch(ctx, w.push, "Groups/"+w.ids[renamed(w.index)], object{"op": "replace", "path": "displayName", "value": name})
	})
}

// changePerson takes one of the writer's people a step further: created, called something else, disabled, enabled,
// deleted, and created again under the same name. After a failure nobody knows how they are: the next one takes the place.
func (w *writer) changePerson(ctx context.Context, r *replica) {
	w.n++
	k := w.random.IntN(perWriter)
	p := &w.own[k]
	if p.id == "" {
		w.createPerson(ctx, r, k)
		return
	}
	next := *p
	var err error
	switch w.random.IntN(5) {
	case 0:
		err = w.do(r, person(p.id), "DELETED", func() (string, error) { return r.scim(ctx, w.push, "DELETE", "Users/"+p.id, nil, nil) })
		next.id = ""
	case 1, 2:
		next.display = fmt.Sprint("Display ", w.index, "-", w.n)
		err = w.do(r, person(p.id), next.value(), func() (string, error) {
			return r.patch(ctx, w.push, "Users/"+p.id, object{"op": "replace", "value": object{"displayName": next.display}})
		})
	default:
		next.active = !p.active
		err = w.do(r, person(p.id), next.value(), func() (string, error) {
			return r.patch(ctx, w.push, "Users/"+p.id, object{"op": "Replace", "path": "active", "value": fmt.Sprint(next.active)})
		})
	}
	if err != nil {
		next = someone{name: fmt.Sprint("person", w.index, "-", k, "-", w.n)}
	}
	*p = next
}

func (w *writer) createPerson(ctx context.Context, r *replica, k int) {
	p := &w.own[k]
	if p.name == "" {
		p.name = fmt.Sprint("person", w.index, "-", k)
	}
	p.display, p.active = fmt.Sprint("Display ", w.index, "-", w.n), true
	h := &history.Write{Value: p.value(), Start: w.now(), Replica: r.index}
	var made struct{ ID string }
	revision, err := r.scim(ctx, w.push, "POST", "Users", object{"userName": p.name, "displayName": p.display}, &made)
	if err != nil {
		p.name = fmt.Sprint("person", w.index, "-", k, "-", w.n)
		w.wroteNow(&history.Write{Register: "nobody", Start: h.Start}, "", err)
		return
	}
	p.id, h.Register = made.ID, person(made.ID)
	w.mu.Lock()
	if w.recording {
		w.begins(h.Register, "absent")
	}
	if w.people = append(w.people, made.ID); len(w.people) > keptPeople {
		w.people = w.people[1:]
	}
	w.mu.Unlock()
	w.wroteNow(h, revision, nil)
}

func (p someone) value() string {
	if p.active {
		return "ACTIVE " + p.display
	}
	return "DISABLED " + p.display
}
