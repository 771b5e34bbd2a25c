package graph

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Mutate makes n random changes, of every kind that a tenant knows. A draw that fits nothing is none.
func (t *Tenant) Mutate(rng *rand.Rand, n int) {
	for range n {
		t.mutate(rng)
	}
}

func (t *Tenant) mutate(rng *rand.Rand) {
	user, other := t.draw(rng, User), t.draw(rng, User)
	group, nested := t.draw(rng, Group), t.draw(rng, Group)
	// What does not fit, such as restoring what is not deleted, is refused and changes nothing.
	switch rng.IntN(20) {
	case 0:
		_, _ = t.Create(User, t.drawValues(rng, t.person))
	case 1:
		_, _ = t.Create(Group, t.drawValues(rng, t.team))
	case 2:
		_ = t.Update(user, map[string]any{"displayName": surnames[rng.IntN(len(surnames))], "mail": nil})
	case 3:
		_ = t.Update(user, map[string]any{"givenName": nil, "surname": surnames[rng.IntN(len(surnames))], "mail": fmt.Sprintf("m%d@%s", rng.Uint32(), t.Domain)})
	case 4: // a new name, or one that differs in case alone
		upn := t.textOf(user, "userPrincipalName")
		if rng.IntN(3) == 0 {
			upn = strings.ToUpper(upn)
		} else {
			upn = fmt.Sprintf("renamed%d@%s", rng.Uint32(), t.Domain)
		}
		_ = t.Update(user, map[string]any{"userPrincipalName": upn})
	case 5, 6:
		_ = t.Update(user, map[string]any{"accountEnabled": rng.IntN(2) == 0})
	case 7, 8:
		_ = t.Delete(user)
	case 9, 10:
		_ = t.Restore(user)
	case 11:
		_ = t.Purge(user)
	case 12: // to the name of another group
		_ = t.Update(group, map[string]any{"displayName": t.textOf(nested, "displayName"), "description": nil})
	case 13:
		_ = t.SetManager(user, other)
	case 14:
		_ = t.SetManager(user, "")
	case 15:
		_ = t.AddMember(group, nested)
	case 16:
		t.changeGroupLife(rng, group)
	case 17:
		_ = t.RemoveMember(group, t.memberOf(rng, group))
	default:
		_ = t.AddMember(group, user)
	}
}

func (t *Tenant) changeGroupLife(rng *rand.Rand, group string) {
	if t.Restore(group) == nil {
		return
	}
	if t.Delete(group) == nil && rng.IntN(3) == 0 {
		_ = t.Purge(group)
	}
}

func (t *Tenant) drawValues(rng *rand.Rand, draw func(*rand.Rand) map[string]any) map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return draw(rng)
}

// draw returns the id of any object of a kind.
func (t *Tenant) draw(rng *rand.Rand, kind Kind) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all[kind]) == 0 {
		return ""
	}
	return t.all[kind][rng.IntN(len(t.all[kind]))].id
}

func (t *Tenant) textOf(id, name string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.byID[id]; o != nil {
		return o.text(name)
	}
	return ""
}

// memberOf draws one that is or was a member of a group.
func (t *Tenant) memberOf(rng *rand.Rand, group string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o := t.byID[group]; o != nil && len(o.links) > 0 {
		return o.links[rng.IntN(len(o.links))].to.id
	}
	return ""
}

// DeleteMany deletes n live objects of a kind softly, the oldest first, and returns how many there were.
func (t *Tenant) DeleteMany(kind Kind, n int) int {
	t.mu.Lock()
	var found []string
	for _, o := range t.all[kind] {
		if len(found) < n && o.life == alive {
			found = append(found, o.id)
		}
	}
	t.mu.Unlock()
	deleted := 0
	for _, id := range found {
		if t.Delete(id) == nil {
			deleted++
		}
	}
	return deleted
}
