package directory

import "context"

// Providers lists the providers by name.
func (d *Directory) Providers(ctx context.Context) ([]*Provider, error) {
	return d.store.Providers(ctx)
}

// Provider returns the provider with a label, nil where there is none. Labels are compared without case.
func (d *Directory) Provider(ctx context.Context, name string) (*Provider, error) {
	providers, err := d.store.Providers(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range providers {
		if FoldKey(p.Name) == FoldKey(name) {
			return p, nil
		}
	}
	return nil, nil
}

func (d *Directory) existingProvider(ctx context.Context, field, name string) (*Provider, error) {
	p, err := d.Provider(ctx, name)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, NotFound(field, "There is no provider called %q.", name)
	}
	return p, nil
}

// AddProvider adds a label. It holds neither ":" nor "\" and is unique without case.
func (d *Directory) AddProvider(ctx context.Context, name string, kind ProviderTypeName, enabled bool) (*Provider, error) {
	if err := checkLabel("name", name); err != nil {
		return nil, err
	}
	if kind == TypeLocal {
		return nil, BadInput("type", "What is kept in Roster itself has the built-in provider %q; there is no second one.", LocalProvider)
	}
	return d.store.InsertProvider(ctx, Provider{Name: name, Type: kind, Enabled: enabled},
		Audit{Actor: ActorFrom(ctx), Action: "provider.add", Target: name, After: map[string]any{"type": kind, "enabled": enabled}})
}

// UpdateProvider enables or disables a provider; nil leaves it as it is.
func (d *Directory) UpdateProvider(ctx context.Context, name string, enabled *bool) (*Provider, error) {
	p, err := d.existingProvider(ctx, "name", name)
	if err != nil || enabled == nil {
		return p, err
	}
	if p.Type == TypeLocal && !*enabled {
		return nil, BadInput("enabled", "The provider %q holds the roles and cannot be disabled.", p.Name)
	}
	a := Audit{
		Actor: ActorFrom(ctx), Action: "provider.update", Target: p.Name,
		Before: map[string]any{"enabled": p.Enabled}, After: map[string]any{"enabled": *enabled},
	}
	p.Enabled = *enabled
	return d.store.UpdateProvider(ctx, *p, a)
}

// DeleteProvider deletes a disabled provider with its instances: their identities become tombstones, the rows stay for
// history. Built-in providers stay.
func (d *Directory) DeleteProvider(ctx context.Context, name string) error {
	p, err := d.existingProvider(ctx, "name", name)
	if err != nil {
		return err
	}
	if p.BuiltIn {
		return BadInput("name", "%q is built in and cannot be deleted.", p.Name)
	}
	if p.Enabled {
		return Clash("", "name", "The provider is enabled. Disable it first, and delete it when nothing needs it any more.")
	}
	instances, err := d.store.Instances(ctx)
	if err != nil {
		return err
	}
	for _, i := range instances {
		if i.Provider.ID != p.ID {
			continue
		}
		if err := d.deleteInstance(ctx, i); err != nil {
			return err
		}
	}
	now := d.now()
	p.DeletedAt = &now
	_, err = d.store.UpdateProvider(ctx, *p, Audit{Actor: ActorFrom(ctx), Action: "provider.delete", Target: p.Name, Before: map[string]any{"type": p.Type}})
	return err
}
