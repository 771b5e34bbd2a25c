package resolvers_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// sample fills a gateway with a small organization:
//
//	HR (SCIM): ana manages bob and cid (disabled); dora was deleted.
//	  Engineers: ana, cid, Backend. Backend: bob. Alumni (disabled): ana. Ring: Knot. Knot: Ring, bob.
//	CORP\EU (SCIM): eve.
//	Roles: Approvers: Engineers, eve. Empty: nobody.
func sample(t testing.TB, g *gateway) {
	t.Helper()
	hr := g.instance(t, "HR", "")
	corp := g.instance(t, "CORP", "EU")
	g.apply(t, directory.Changes{
		Instance: hr,
		Put: []directory.Put{
			user("ana", "Ana Abel", directory.StatusActive), user("bob", "Bob Bell", directory.StatusActive),
			user("cid", "Cid Cole", directory.StatusDisabled), user("dora", "Dora Dean", directory.StatusActive),
			group("Engineers", directory.StatusActive), group("Backend", directory.StatusActive),
			group("Alumni", directory.StatusDisabled), group("Ring", directory.StatusActive),
			group("Knot", directory.StatusActive),
		},
	})
	g.apply(t, directory.Changes{Instance: corp, Put: []directory.Put{user("eve", "Eve Evans", directory.StatusActive)}})
	g.apply(t, directory.Changes{
		Instance: hr,
		Members: []directory.MemberChange{
			members("Engineers", "ana", "cid", "Backend"), members("Backend", "bob"), members("Alumni", "ana"),
			members("Ring", "Knot"), members("Knot", "Ring", "bob"),
		},
		Managers: []directory.ManagerChange{manager("bob", "ana"), manager("cid", "ana")},
	})
	g.apply(t, directory.Changes{Instance: hr, Delete: []directory.Delete{{UID: uid("dora"), Reason: "left"}}})
	g.role(t, "Approvers", "HR:Engineers", `CORP:EU\eve`)
	g.role(t, "Empty")
}

func (g *gateway) instance(t testing.TB, provider, name string) *directory.Instance {
	t.Helper()
	if _, err := g.directory.AddProvider(t.Context(), provider, directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	i, err := g.directory.AddInstance(t.Context(), provider, name, true)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func (g *gateway) apply(t testing.TB, c directory.Changes) {
	t.Helper()
	if _, err := g.directory.Apply(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func (g *gateway) role(t testing.TB, name string, members ...string) {
	t.Helper()
	if _, err := g.directory.CreateRole(t.Context(), name, nil); err != nil {
		t.Fatal(err)
	}
	if len(members) == 0 {
		return
	}
	if _, err := g.directory.AddRoleMembers(t.Context(), name, members); err != nil {
		t.Fatal(err)
	}
}

func user(name, display string, status directory.IdentityStatus) directory.Put {
	email, external := name+"@example.com", "x-"+name
	return directory.Put{
		UID: uid(name), New: true, Kind: directory.KindUser, Name: name, DisplayName: display, Email: &email,
		ExternalID: &external, Status: status,
		Attrs: directory.AttributeSet{"name": map[string]any{"givenName": display}, "title": "Fellow", "userType": "Member"},
	}
}

func group(name string, status directory.IdentityStatus) directory.Put {
	return directory.Put{UID: uid(name), New: true, Kind: directory.KindGroup, Name: name, DisplayName: name, Status: status}
}

func members(container string, names ...string) directory.MemberChange {
	c := directory.MemberChange{Container: uid(container)}
	for _, name := range names {
		c.Add = append(c.Add, uid(name))
	}
	return c
}

func manager(name, of string) directory.ManagerChange {
	to := uid(of)
	return directory.ManagerChange{User: uid(name), Manager: (*uuid.UUID)(&to)}
}
