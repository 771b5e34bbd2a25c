// Package secret encrypts what Roster must keep but never show: credentials of identity sources.
//
// The keys are a Tink keyset in a file of its own, readable by its owner only, so that a copy of the database is
// useless without it. Every ciphertext names its key and is bound to the row that holds it.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Box seals and opens secrets with the keys of one keyset. It is safe for concurrent use.
type Box struct{ primitive tink.AEAD }

// Open reads the keyset at path. Where there is no such file and create is set, it makes one with a fresh AES-256-GCM
// key.
func Open(path string, create bool) (*Box, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		text, err = write(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the secrets keyset cannot be used: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, fmt.Errorf("the secrets keyset %s is no Tink keyset in JSON", path)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("the secrets keyset %s holds no key for authenticated encryption", path)
	}
	return &Box{primitive}, nil
}

// write makes a keyset. Of two starters at once, one makes the file and both read it.
func write(path string) ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".keyset-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(fresh.Name())
	if _, err := fresh.Write(text.Bytes()); err != nil {
		return nil, errors.Join(err, fresh.Close())
	}
	if err := errors.Join(fresh.Sync(), fresh.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(fresh.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// Seal encrypts plaintext so that it opens only with the same context.
func (b *Box) Seal(plaintext, context []byte) ([]byte, error) {
	return b.primitive.Encrypt(plaintext, context)
}

// Unseal decrypts what Seal made.
func (b *Box) Unseal(ciphertext, context []byte) ([]byte, error) {
	plaintext, err := b.primitive.Decrypt(ciphertext, context)
	if err != nil {
		return nil, errors.New("a secret cannot be decrypted: it belongs to another row, or its key is not in the keyset")
	}
	return plaintext, nil
}
