package plan_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// world is a random directory, and what operations may ask it about: what is there, and what is not.
type world struct {
	*roads
	fqns, roles, uids, names []string
}

// awkward are texts that JSON has to escape, or that only look as if it had to.
var awkward = []string{"plain", `qu"ote`, `back\slash`, "tab\tline\nreturn\r", "bell\a", "é日本", "</script>", "\u2028", "DEL\x7f"}

// newWorld fills a database: some 24 users and 14 groups over two instances, roles over both, links of every sort with
// cycles, disabled and deleted identities, renamed ones with aliases, managers.
func newWorld(t testing.TB, seed uint64, inMemory bool) *world {
	t.Helper()
	return worldOver(t, overPostgres(t, inMemory), seed)
}

func worldOver(t testing.TB, r *roads, seed uint64) *world {
	t.Helper()
	w := &world{roads: r}
	random := rand.New(rand.NewPCG(seed, seed))
	for n, i := range []*directory.Instance{w.instance(t, "HR", ""), w.instance(t, "CORP", "EU")} {
		w.fill(t, random, i, n)
		for event := range 5 {
			key, kind, status := fmt.Sprint("key", event), "User", http.StatusCreated
			id := uid(fmt.Sprintf("user%d-%d", n, event))
			w.provisioning.Record(directory.ProvisioningEvent{
				At: time.Unix(int64(1000*n+event), 0), InstanceID: i.ID, Method: http.MethodPost, ResourceType: &kind, ResourceID: &id, ExternalID: &key,
				Outcome: directory.ProvisioningCreated, Status: &status,
			})
		}
	}
	w.provisioning.Flush(t.Context())
	for n := range 4 {
		name := fmt.Sprint("Role", n)
		if _, err := w.directory.CreateRole(t.Context(), name, nil); err != nil {
			t.Fatal(err)
		}
		w.roles = append(w.roles, name)
		if n == 3 {
			continue // a role without members
		}
		var members []string
		for range 4 {
			if fqn := w.fqns[random.IntN(len(w.fqns))]; w.live(t, fqn) {
				members = append(members, fqn)
			}
		}
		if _, err := w.directory.AddRoleMembers(t.Context(), name, members); err != nil {
			t.Fatal(err)
		}
		role, err := w.directory.AddRoleMembers(t.Context(), name, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.uids = append(w.uids, role.UID.String())
	}
	renamed := "Renamed"
	if _, err := w.directory.UpdateRole(t.Context(), directory.RoleUpdate{Name: "Role1", NewName: &renamed}); err != nil {
		t.Fatal(err)
	}
	w.fqns = append(w.fqns, w.roles...)
	w.fqns = append(w.fqns, "Renamed", "role1", "nobody", "", "HR:nobody", "nul\x01")
	w.uids = append(w.uids, uuid.NewString(), "no-uid", "", "urn:uuid:"+w.uids[0])
	w.names = append(w.names, "nobody", "")
	return w
}

func (w *world) live(t testing.TB, fqn string) bool {
	t.Helper()
	found, err := w.directory.Reader().ByFQN(t.Context(), fqn)
	if err != nil {
		t.Fatal(err)
	}
	return found != nil && found.Base().Status != directory.StatusDeleted
}

// fill puts users, groups and their links into an instance.
func (w *world) fill(t testing.TB, random *rand.Rand, i *directory.Instance, n int) {
	t.Helper()
	c := directory.Changes{Instance: i}
	status := func() directory.IdentityStatus {
		if random.IntN(5) == 0 {
			return directory.StatusDisabled
		}
		return directory.StatusActive
	}
	for u := range 12 {
		name := fmt.Sprintf("user%d-%d", n, u)
		email, external := name+"@example.com", "x-"+name
		c.Put = append(c.Put, directory.Put{
			UID: uid(name), New: true, Kind: directory.KindUser, Name: name, Status: status(),
			DisplayName: awkward[random.IntN(len(awkward))], Email: &email, ExternalID: &external,
			Attrs: directory.AttributeSet{
				"name":  map[string]any{"givenName": awkward[random.IntN(len(awkward))], "familyName": name},
				"title": awkward[random.IntN(len(awkward))], "userType": "Member",
				"phones": []any{map[string]any{"value": "1", "type": "work"}, map[string]any{"value": "2"}},
			},
		})
	}
	for g := range 7 {
		name := fmt.Sprintf("group%d-%d", n, g)
		put := directory.Put{UID: uid(name), New: true, Kind: directory.KindGroup, Name: name, DisplayName: name, Status: status()}
		if random.IntN(2) == 0 {
			put.Description = &awkward[random.IntN(len(awkward))]
		}
		c.Put = append(c.Put, put)
	}
	for _, r := range w.apply(t, c).Records {
		w.fqns, w.uids, w.names = append(w.fqns, r.FQN), append(w.uids, r.UID.String()), append(w.names, r.Name)
	}
	w.link(t, random, i, n)
	renamed := c.Put[12]
	renamed.New, renamed.Name, renamed.DisplayName = false, renamed.Name+" new", "renamed"
	for _, r := range w.apply(t, directory.Changes{Instance: i, Put: []directory.Put{renamed}}).Records {
		w.fqns = append(w.fqns, r.FQN)
	}
	w.apply(t, directory.Changes{Instance: i, Delete: []directory.Delete{{UID: uid(fmt.Sprintf("user%d-11", n)), Reason: "left"}}})
}

func (w *world) link(t testing.TB, random *rand.Rand, i *directory.Instance, n int) {
	t.Helper()
	c := directory.Changes{Instance: i}
	for g := range 7 {
		change := directory.MemberChange{Container: uid(fmt.Sprintf("group%d-%d", n, g))}
		for range random.IntN(6) {
			change.Add = append(change.Add, uid(fmt.Sprintf("user%d-%d", n, random.IntN(12))))
		}
		for range random.IntN(3) {
			change.Add = append(change.Add, uid(fmt.Sprintf("group%d-%d", n, random.IntN(7))))
		}
		c.Members = append(c.Members, change)
	}
	for u := 1; u < 12; u++ {
		to := uid(fmt.Sprintf("user%d-%d", n, random.IntN(u)))
		c.Managers = append(c.Managers, directory.ManagerChange{User: uid(fmt.Sprintf("user%d-%d", n, u)), Manager: &to})
	}
	w.apply(t, c)
}
