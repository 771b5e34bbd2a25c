package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// RoleUpdate changes a role; nil leaves a field as it is, an empty description clears it.
type RoleUpdate struct {
	Name        string
	NewName     *string
	Description *string
}

// CreateRole adds a role. Its name is unique without case and holds neither ":" nor "\".
func (d *Directory) CreateRole(ctx context.Context, name string, description *string) (*Role, error) {
	if err := checkLabel("name", name); err != nil {
		return nil, err
	}
	if err := d.mayHaveRoles(ctx); err != nil {
		return nil, err
	}
	taken, err := d.role(ctx, name)
	if err != nil {
		return nil, err
	}
	if taken != nil {
		return nil, Clash(ReasonUniqueness, "name", "A role called %q exists already.", name)
	}
	return d.putRole(ctx, "role.create", Put{New: true, Kind: KindRole, Name: name, DisplayName: name, Description: emptyToNil(description)})
}

// UpdateRole renames or describes a role. The old name stays as an alias.
func (d *Directory) UpdateRole(ctx context.Context, u RoleUpdate) (*Role, error) {
	role, err := d.existingRole(ctx, "name", u.Name)
	if err != nil {
		return nil, err
	}
	put := Put{
		UID: role.UID, IfVersion: role.Version, Kind: KindRole, Name: role.Name, DisplayName: role.DisplayName,
		Description: role.Description, Status: role.Status, Attrs: role.Attrs.Set(),
	}
	if u.NewName != nil {
		if err := checkLabel("newName", *u.NewName); err != nil {
			return nil, err
		}
		other, err := d.role(ctx, *u.NewName)
		if err != nil {
			return nil, err
		}
		if other != nil && other.ID != role.ID {
			return nil, Clash(ReasonUniqueness, "newName", "A role called %q exists already.", *u.NewName)
		}
		put.Name, put.DisplayName = *u.NewName, *u.NewName
	}
	if u.Description != nil {
		put.Description = emptyToNil(u.Description)
	}
	return d.putRole(ctx, "role.update", put)
}

// mayHaveRoles refuses callers who see no roles.
func (d *Directory) mayHaveRoles(ctx context.Context) error {
	local, err := d.localInstance(ctx)
	if err == nil && !ScopeFrom(ctx).Has(local.ID) {
		err = &Error{Code: CodeForbidden, Message: "This access token is narrowed to providers without roles; those are of the provider " + LocalProvider + "."}
	}
	return err
}

// DeleteRole makes a role a tombstone: its links are gone, its name is free. Who is narrowed to a scope may not take links
// away from identities out of it.
func (d *Directory) DeleteRole(ctx context.Context, name string) error {
	role, err := d.existingRole(ctx, "name", name)
	if err != nil {
		return err
	}
	links := EdgeQuery{Of: role.ID, Scope: ScopeDirect, Status: AnyLive, Way: Down}
	up := links
	up.Way = Up
	if err := d.mustSee(ctx, links, up); err != nil {
		return err
	}
	local, err := d.localInstance(ctx)
	if err != nil {
		return err
	}
	_, err = d.Apply(ctx, Changes{Instance: local, Action: "role.delete", Delete: []Delete{{UID: role.UID, Reason: "deleted"}}})
	return err
}

// mustSee refuses callers who are narrowed to a scope and do not see all that is linked to a role in some ways.
func (d *Directory) mustSee(ctx context.Context, linked ...EdgeQuery) error {
	if ScopeFrom(ctx) == nil {
		return nil
	}
	all, err := d.store.CountEdges(ctx, linked)
	if err != nil {
		return err
	}
	seen, err := d.ViewFor(ctx).Source().CountEdges(ctx, linked)
	if err == nil && !slices.Equal(all, seen) {
		err = &Error{Code: CodeForbidden, Message: "The role has members, or is in groups, of providers that this access token is not for."}
	}
	return err
}

// AddRoleMembers adds the identities that FQNs name to a role: all of them or, where one is unknown or deleted, none. It
// gives them all that the role is in, however far up: who is narrowed to a scope has to see that.
func (d *Directory) AddRoleMembers(ctx context.Context, role string, members []string) (*Role, error) {
	if ScopeFrom(ctx) != nil {
		r, err := d.existingRole(ctx, "role", role)
		if err != nil {
			return nil, err
		}
		if err := d.mustSee(ctx, EdgeQuery{Of: r.ID, Way: Up, Scope: ScopeEffective, Status: AnyLive}); err != nil {
			return nil, err
		}
	}
	return d.changeRoleMembers(ctx, role, members, "role.members.add", func(c *MemberChange, uids []uuid.UUID) { c.Add = uids })
}

// RemoveRoleMembers removes the identities that FQNs name from a role. One that is no member is no error.
func (d *Directory) RemoveRoleMembers(ctx context.Context, role string, members []string) (*Role, error) {
	return d.changeRoleMembers(ctx, role, members, "role.members.remove", func(c *MemberChange, uids []uuid.UUID) { c.Remove = uids })
}

func (d *Directory) changeRoleMembers(ctx context.Context, name string, members []string, action string, set func(*MemberChange, []uuid.UUID)) (*Role, error) {
	if err := CheckBatch("members", len(members)); err != nil {
		return nil, err
	}
	role, err := d.existingRole(ctx, "role", name)
	if err != nil {
		return nil, err
	}
	uids, err := d.namedMembers(ctx, members)
	if err != nil {
		return nil, err
	}
	local, err := d.localInstance(ctx)
	if err != nil {
		return nil, err
	}
	change := MemberChange{Container: role.UID, AnyInstance: true}
	set(&change, uids)
	if _, err := d.Apply(ctx, Changes{Instance: local, Action: action, Members: []MemberChange{change}, RefuseUnknownMembers: true}); err != nil {
		return nil, err
	}
	records, err := d.store.ByUIDs(ctx, []uuid.UUID{role.UID})
	if err != nil || records[0] == nil {
		return nil, err
	}
	return &Role{Record: *records[0]}, nil
}

// namedMembers finds the live identities that FQNs name; the first that is none is an error at its place.
func (d *Directory) namedMembers(ctx context.Context, fqns []string) ([]uuid.UUID, error) {
	keys := make([]string, len(fqns))
	for i, fqn := range fqns {
		keys[i], _ = LookupKey(fqn)
	}
	records, err := d.store.ByFQNKeys(ctx, keys) // what is about to be written is looked up in the store itself
	if err != nil {
		return nil, err
	}
	uids := make([]uuid.UUID, len(fqns))
	for i, r := range records {
		if r == nil || r.Status == StatusDeleted || !ScopeFrom(ctx).Has(r.InstanceID) {
			e := NotFound("members", "%q names no identity that Roster knows.", fqns[i])
			e.Field = append(e.Field, fmt.Sprint(i))
			return nil, e
		}
		uids[i] = r.UID
	}
	return uids, nil
}

func (d *Directory) putRole(ctx context.Context, action string, put Put) (*Role, error) {
	local, err := d.localInstance(ctx)
	if err != nil {
		return nil, err
	}
	result, err := d.Apply(ctx, Changes{Instance: local, Action: action, Put: []Put{put}})
	if err != nil {
		return nil, err
	}
	return &Role{Record: *result.Records[0]}, nil
}

// role returns the live role with a name, nil where there is none. An alias of a role is not its name.
func (d *Directory) role(ctx context.Context, name string) (*Record, error) {
	if !isLookupKey(name) || strings.ContainsAny(name, `:\`) {
		return nil, nil
	}
	records, err := d.store.ByFQNKeys(ctx, []string{FoldKey(name)})
	if err != nil {
		return nil, err
	}
	r := records[0]
	if r == nil || r.Kind != KindRole || r.Status == StatusDeleted || FoldKey(r.Name) != FoldKey(name) {
		return nil, nil
	}
	return r, nil
}

// existingRole is role for names that must be there, their aliases included.
func (d *Directory) existingRole(ctx context.Context, field, name string) (*Record, error) {
	if isLookupKey(name) {
		records, err := d.store.ByFQNKeys(ctx, []string{FoldKey(name)})
		if err != nil {
			return nil, err
		}
		if r := records[0]; r != nil && r.Kind == KindRole && r.Status != StatusDeleted && ScopeFrom(ctx).Has(r.InstanceID) {
			return r, nil
		}
	}
	return nil, NotFound(field, "There is no role called %q.", name)
}

// Role returns the role with a name, or with an alias of that name; nil where there is none.
func (r *Reader) Role(ctx context.Context, name string) (*Role, error) {
	identity, err := r.ByFQN(ctx, name)
	role, _ := identity.(*Role)
	return role, err
}

func emptyToNil(text *string) *string {
	if text != nil && *text == "" {
		return nil
	}
	return text
}
