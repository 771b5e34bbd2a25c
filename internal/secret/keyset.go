package secret

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Keys are the keys of a keyset file, to be changed. The last one is the newest; it waits where it encrypts nothing yet.
type Keys struct {
	path   string
	handle *keyset.Handle
}

// ReadKeys reads a keyset file.
func ReadKeys(path string) (*Keys, error) {
	// What is changed is the file itself, not a link to it.
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, unusable(err)
	}
	text, err := os.ReadFile(real)
	if err != nil {
		return nil, unusable(err)
	}
	handle, err := parse(text, path)
	if err != nil {
		return nil, err
	}
	return &Keys{real, handle}, nil
}

// Waiting reports whether the newest key is in the file and encrypts nothing yet.
func (k *Keys) Waiting() bool {
	newest, err := k.handle.Entry(k.handle.Len() - 1)
	return err == nil && !newest.IsPrimary() && newest.KeyStatus() == keyset.Enabled
}

// Add adds a key that waits: what others encrypt with it can be decrypted, and nothing is encrypted with it here.
func (k *Keys) Add() error {
	return k.change(func(m *keyset.Manager) error {
		_, err := m.Add(aead.AES256GCMKeyTemplate())
		return err
	})
}

// Promote has the newest key encrypt from now on. The others go on decrypting.
func (k *Keys) Promote() error {
	newest, err := k.handle.Entry(k.handle.Len() - 1)
	if err != nil {
		return err
	}
	return k.change(func(m *keyset.Manager) error { return m.SetPrimary(newest.KeyID()) })
}

// Old is how many keys there are that encrypt nothing any more.
func (k *Keys) Old() int { return k.handle.Len() - 1 }

// DropOld deletes every key but the one that encrypts. What they encrypted is lost.
func (k *Keys) DropOld() error {
	primary, err := k.handle.Primary()
	if err != nil {
		return err
	}
	return k.change(func(m *keyset.Manager) error {
		for i := range k.handle.Len() {
			entry, err := k.handle.Entry(i)
			if err != nil {
				return err
			}
			if entry.KeyID() == primary.KeyID() {
				continue
			}
			if err := m.Delete(entry.KeyID()); err != nil {
				return err
			}
		}
		return nil
	})
}

// change changes the keyset and puts the file in the place of the old one at once.
func (k *Keys) change(do func(*keyset.Manager) error) error {
	manager := keyset.NewManagerFromHandle(k.handle)
	if err := do(manager); err != nil {
		return unusable(err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return unusable(err)
	}
	text, err := format(handle)
	if err != nil {
		return unusable(err)
	}
	err = writeAside(k.path, text, func(fresh string) error {
		if err := sameOwner(fresh, k.path); err != nil {
			return err
		}
		return os.Rename(fresh, k.path)
	})
	if err != nil {
		return fmt.Errorf("the secrets keyset cannot be changed: %w", err)
	}
	k.handle = handle
	return nil
}

// parse reads the text of a keyset; from says where it stands.
func parse(text []byte, from string) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, fmt.Errorf("the secrets keyset %s is no Tink keyset in JSON", from)
	}
	return handle, nil
}

func format(handle *keyset.Handle) ([]byte, error) {
	var text bytes.Buffer
	err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text))
	return text.Bytes(), err
}

// writeAside writes a file beside path, durably and readable by its owner only, and gives it to place.
func writeAside(path string, text []byte, place func(fresh string) error) error {
	fresh, err := os.CreateTemp(filepath.Dir(path), ".keyset-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(fresh.Name())
	if _, err := fresh.Write(text); err != nil {
		return errors.Join(err, fresh.Close())
	}
	if err := errors.Join(fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	return place(fresh.Name())
}

func unusable(err error) error { return fmt.Errorf("the secrets keyset cannot be used: %w", err) }
