package directory

import "context"

// RoleUpdate changes a role; nil leaves a field as it is, an empty description clears it.
type RoleUpdate struct {
	Name        string
	NewName     *string
	Description *string
}

// CreateRole adds a role.
func (d *Directory) CreateRole(ctx context.Context, name string, description *string) (*Role, error) {
	panic("to come")
}

// UpdateRole renames or describes a role.
func (d *Directory) UpdateRole(ctx context.Context, u RoleUpdate) (*Role, error) { panic("to come") }

// DeleteRole makes a role a tombstone.
func (d *Directory) DeleteRole(ctx context.Context, name string) error { panic("to come") }

// AddRoleMembers adds the identities that FQNs name to a role: all of them or none.
func (d *Directory) AddRoleMembers(ctx context.Context, role string, members []string) (*Role, error) {
	panic("to come")
}

// RemoveRoleMembers removes the identities that FQNs name from a role.
func (d *Directory) RemoveRoleMembers(ctx context.Context, role string, members []string) (*Role, error) {
	panic("to come")
}
