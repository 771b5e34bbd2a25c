package directory

import (
	"context"
	"strings"
)

// Instance returns a provider's instance by name, nil where there is none.
func (d *Directory) Instance(ctx context.Context, provider, name string) (*Instance, error) {
	instances, err := d.store.Instances(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range instances {
		if FoldKey(i.Provider.Name) == FoldKey(provider) && FoldKey(i.Name) == FoldKey(name) {
			return i, nil
		}
	}
	return nil, nil
}

func (d *Directory) existingInstance(ctx context.Context, provider, name, providerField, nameField string) (*Instance, error) {
	if _, err := d.existingProvider(ctx, providerField, provider); err != nil {
		return nil, err
	}
	i, err := d.Instance(ctx, provider, name)
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, NotFound(nameField, "The provider %q has no instance called %q.", provider, name)
	}
	return i, nil
}

// InstanceNamed returns a provider's instance by name. That there is none is an error about the fields provider or
// instance.
func (d *Directory) InstanceNamed(ctx context.Context, provider, name string) (*Instance, error) {
	return d.existingInstance(ctx, provider, name, "provider", "instance")
}

// AddInstance adds an instance to a provider. Its name may be empty; it is unique in the provider without case.
func (d *Directory) AddInstance(ctx context.Context, provider, name string, enabled bool) (*Instance, error) {
	p, err := d.existingProvider(ctx, "provider", provider)
	if err != nil {
		return nil, err
	}
	if name != "" {
		if err := checkLabel("name", name); err != nil {
			return nil, err
		}
	}
	if p.Type == TypeLocal {
		return nil, BadInput("provider", "%q holds what is kept in Roster itself and takes no further instances.", p.Name)
	}
	i := Instance{Name: name, Provider: p, Enabled: enabled}
	for _, t := range d.types {
		if t.Name == p.Type && t.Schedule > 0 {
			i.SyncSchedule = &t.Schedule
		}
	}
	return d.store.InsertInstance(ctx, i,
		Audit{Actor: ActorFrom(ctx), Action: "instance.add", Target: label(p.Name, name), After: map[string]any{"type": p.Type, "enabled": enabled}})
}

// InstanceUpdate changes an instance; nil leaves a setting as it is.
type InstanceUpdate struct {
	Provider, Name string
	Enabled        *bool
	DuplicateNames *DuplicateNamePolicy
	Renames        *RenamePolicy
}

// UpdateInstance changes an instance's settings. Policies hold for what is written from then on.
func (d *Directory) UpdateInstance(ctx context.Context, u InstanceUpdate) (*Instance, error) {
	i, err := d.existingInstance(ctx, u.Provider, u.Name, "provider", "name")
	if err != nil {
		return nil, err
	}
	before, after := map[string]any{}, map[string]any{}
	if u.Enabled != nil {
		if i.Provider.Type == TypeLocal && !*u.Enabled {
			return nil, BadInput("enabled", "The instance that holds the roles cannot be disabled.")
		}
		before["enabled"], after["enabled"] = i.Enabled, *u.Enabled
		i.Enabled = *u.Enabled
	}
	if u.DuplicateNames != nil {
		if *u.DuplicateNames == Merge && i.Provider.Type == TypeSCIM {
			return nil, BadInput("duplicateNames", "A SCIM instance cannot merge groups of one name: its client knows each by an id of its own.")
		}
		before["duplicateNames"], after["duplicateNames"] = i.DuplicateNames, *u.DuplicateNames
		i.DuplicateNames = *u.DuplicateNames
	}
	if u.Renames != nil {
		before["renames"], after["renames"] = i.Renames, *u.Renames
		i.Renames = *u.Renames
	}
	return d.store.UpdateInstance(ctx, *i, Audit{Actor: ActorFrom(ctx), Action: "instance.update", Target: i.Label(), Before: before, After: after})
}

// DeleteInstance deletes a disabled instance: its identities become tombstones, its row stays for history.
func (d *Directory) DeleteInstance(ctx context.Context, provider, name string) error {
	i, err := d.existingInstance(ctx, provider, name, "provider", "name")
	if err != nil {
		return err
	}
	if i.Provider.Type == TypeLocal {
		return BadInput("name", "The instance that holds the roles cannot be deleted.")
	}
	if i.Enabled && i.Provider.Enabled {
		return Clash("", "name", "The instance is enabled. Disable it first, and delete it when nothing needs it any more.")
	}
	return d.deleteInstance(ctx, i)
}

// deleteInstance deletes the identities and other resources in bounded transactions, and the instance when none is left.
func (d *Directory) deleteInstance(ctx context.Context, i *Instance) error {
	for {
		records, err := d.store.List(ctx, ListQuery{InstanceID: i.ID, Status: AnyLive, Limit: MaxPage})
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		c := Changes{Instance: i, Action: "instance.delete.identities"}
		for _, r := range records {
			c.Delete = append(c.Delete, Delete{UID: r.UID, Reason: "the provider instance was deleted"})
		}
		if _, err := d.Apply(ctx, c); err != nil {
			return err
		}
	}
	if err := d.deleteCustomOf(ctx, i); err != nil {
		return err
	}
	now := d.now()
	i.DeletedAt, i.Enabled = &now, false
	_, err := d.store.UpdateInstance(ctx, *i, Audit{Actor: ActorFrom(ctx), Action: "instance.delete", Target: i.Label(), Before: map[string]any{"type": i.Provider.Type}})
	return err
}

// localInstance is the instance that holds the roles.
func (d *Directory) localInstance(ctx context.Context) (*Instance, error) {
	i, err := d.Instance(ctx, LocalProvider, "")
	if err == nil && i == nil {
		err = &Error{Code: CodeInternal, Message: "The instance that holds the roles is missing. Start Roster again; it is made at the start."}
	}
	return i, err
}

// Label names the instance in the audit trail.
func (i *Instance) Label() string { return label(i.Provider.Name, i.Name) }

// label names an instance in the audit trail.
func label(provider, instance string) string { return strings.TrimSuffix(provider+`\`+instance, `\`) }
