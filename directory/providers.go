package directory

import "context"

// Sealer encrypts secrets at rest. Context binds the ciphertext to its row.
type Sealer interface {
	Seal(plaintext, context []byte) ([]byte, error)
}

// ProviderTypes lists the kinds of source and their configuration keys.
func (d *Directory) ProviderTypes() []*ProviderType { panic("to come") }

// Providers lists the providers by name.
func (d *Directory) Providers(ctx context.Context) ([]*Provider, error) { panic("to come") }

// Provider returns the provider with a label, nil where there is none.
func (d *Directory) Provider(ctx context.Context, name string) (*Provider, error) { panic("to come") }

// Instance returns a provider's instance by name, nil where there is none.
func (d *Directory) Instance(ctx context.Context, provider, name string) (*Instance, error) {
	panic("to come")
}

// RuntimeConfig lists an instance's configuration by key.
func (d *Directory) RuntimeConfig(ctx context.Context, i *Instance) ([]*RuntimeConfigEntry, error) {
	panic("to come")
}

// AddProvider adds a label.
func (d *Directory) AddProvider(ctx context.Context, name string, kind ProviderTypeName, enabled bool) (*Provider, error) {
	panic("to come")
}

// UpdateProvider enables or disables a provider; nil leaves it as it is.
func (d *Directory) UpdateProvider(ctx context.Context, name string, enabled *bool) (*Provider, error) {
	panic("to come")
}

// DeleteProvider deletes a disabled provider, its instances and their identities.
func (d *Directory) DeleteProvider(ctx context.Context, name string) error { panic("to come") }

// AddInstance adds an instance to a provider.
func (d *Directory) AddInstance(ctx context.Context, provider, name string, enabled bool) (*Instance, error) {
	panic("to come")
}

// InstanceUpdate changes an instance; nil leaves a setting as it is.
type InstanceUpdate struct {
	Provider, Name string
	Enabled        *bool
	DuplicateNames *DuplicateNamePolicy
	Renames        *RenamePolicy
}

// UpdateInstance changes an instance's settings.
func (d *Directory) UpdateInstance(ctx context.Context, u InstanceUpdate) (*Instance, error) {
	panic("to come")
}

// DeleteInstance deletes a disabled instance and its identities.
func (d *Directory) DeleteInstance(ctx context.Context, provider, name string) error {
	panic("to come")
}

// SetRuntimeConfig sets one key of an instance.
func (d *Directory) SetRuntimeConfig(ctx context.Context, provider, instance, key, value string) (*Instance, error) {
	panic("to come")
}

// DeleteRuntimeConfig clears one key of an instance.
func (d *Directory) DeleteRuntimeConfig(ctx context.Context, provider, instance, key string) (*Instance, error) {
	panic("to come")
}
