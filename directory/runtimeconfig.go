package directory

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// maxConfigValue bounds a configuration value, in bytes.
const maxConfigValue = 64 << 10

// Sealer encrypts secrets at rest. Context binds a ciphertext to the row that holds it.
type Sealer interface {
	Seal(plaintext, context []byte) ([]byte, error)
}

// RuntimeConfig lists an instance's configuration by key; secret entries have no value.
func (r *Reader) RuntimeConfig(ctx context.Context, i *Instance) ([]*RuntimeConfigEntry, error) {
	entries, err := r.config.Load(ctx, i.ID)
	if entries == nil {
		entries = []*RuntimeConfigEntry{}
	}
	return entries, err
}

// SetRuntimeConfig sets one key of an instance, new or not. The provider's type declares which keys there are and
// which values they take; a secret is encrypted and never read back.
func (d *Directory) SetRuntimeConfig(ctx context.Context, provider, instance, key, value string) (*Instance, error) {
	i, err := d.existingInstance(ctx, provider, instance, "provider", "instance")
	if err != nil {
		return nil, err
	}
	declared := d.configKey(i.Provider.Type, key)
	switch {
	case declared == nil:
		return nil, BadInput("key", "%q is no configuration key of %s instances; providerTypes lists the keys.", key, i.Provider.Type)
	case value == "":
		return nil, BadInput("value", "The value of %s must not be empty; deleteRuntimeConfig clears a key.", key)
	case len(value) > maxConfigValue:
		return nil, BadInput("value", "The value of %s is %d bytes long; at most %d are kept.", key, len(value), maxConfigValue)
	}
	if err := checkAttributes("value", value); err != nil {
		return nil, err
	}
	for _, check := range []func(string) error{declared.Check, d.configChecks[key]} {
		if check == nil {
			continue
		}
		if err := check(value); err != nil {
			return nil, BadInput("value", "This value does not fit %s: %s.", key, plainText(err))
		}
	}
	entry := RuntimeConfigEntry{Key: key, Value: &value, Secret: declared.Secret, UpdatedBy: ActorFrom(ctx).Name}
	var sealed []byte
	if declared.Secret {
		if sealed, err = d.seal(i.ID, key, value); err != nil {
			return nil, err
		}
		entry.Value = nil
	}
	audit := i.configAudit(ctx, "instance.config.set", declared, entry.Value)
	if err := d.store.SetRuntimeConfig(ctx, i.ID, entry, sealed, declared.Reevaluates, audit); err != nil {
		return nil, err
	}
	return d.Instance(ctx, provider, instance)
}

// DeleteRuntimeConfig clears one key of an instance.
func (d *Directory) DeleteRuntimeConfig(ctx context.Context, provider, instance, key string) (*Instance, error) {
	i, err := d.existingInstance(ctx, provider, instance, "provider", "instance")
	if err != nil {
		return nil, err
	}
	declared := d.configKey(i.Provider.Type, key)
	if declared == nil {
		return nil, BadInput("key", "%q is no configuration key of %s instances; providerTypes lists the keys.", key, i.Provider.Type)
	}
	audit := i.configAudit(ctx, "instance.config.delete", declared, nil)
	deleted, err := d.store.DeleteRuntimeConfig(ctx, i.ID, key, declared.Reevaluates, audit)
	if err != nil {
		return nil, err
	}
	if !deleted {
		return nil, NotFound("key", "The key %s is not set.", key)
	}
	return d.Instance(ctx, provider, instance)
}

// configAudit tells of a key that gets a value, or none. Of a secret it tells that much alone.
func (i *Instance) configAudit(ctx context.Context, action string, key *ConfigKey, value *string) Audit {
	a := Audit{Actor: ActorFrom(ctx), Action: action, Target: i.Label(), Detail: map[string]any{"key": key.Key}}
	if key.Secret {
		a.Detail["secret"] = true
		return a
	}
	if was, ok := i.Config[key.Key]; ok {
		a.Before = map[string]any{"value": AuditText(was)}
	}
	if value != nil {
		a.After = map[string]any{"value": AuditText(*value)}
	}
	return a
}

// plainText is an error's sentence for a caller, without code and cause.
func plainText(err error) string {
	if e := (*Error)(nil); errors.As(err, &e) {
		return strings.TrimSuffix(e.Message, ".")
	}
	return err.Error()
}

// seal encrypts a secret for its row.
func (d *Directory) seal(instance int64, key, value string) ([]byte, error) {
	if d.sealer == nil {
		return nil, &Error{Code: CodeUnavailable, Message: "No key to encrypt secrets with is configured. Start Roster with one."}
	}
	return d.sealer.Seal([]byte(value), SecretContext(instance, key))
}

// SecretContext is what a secret of an instance is bound to.
func SecretContext(instance int64, key string) []byte {
	return []byte("runtime_config/" + strconv.FormatInt(instance, 10) + "/" + key)
}
