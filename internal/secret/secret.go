// Package secret encrypts what Roster must keep but never show: credentials of identity sources.
//
// The keys are a Tink keyset outside of the database, in a file that its owner alone can read or in a variable, so that a
// copy of the database is useless without it. Every ciphertext names its key and is bound to the row that holds it. One
// key encrypts; the others decrypt what they encrypted before.
package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Box seals and opens secrets with the keys of one keyset. It is safe for concurrent use.
type Box struct {
	path string // empty where the keyset is no file

	mu   sync.Mutex
	text []byte // what keys was read from
	keys keys
}

// keys are what a keyset does.
type keys struct {
	tink.AEAD
	prefix string // what every ciphertext of the key that encrypts begins with
}

// Open reads the keyset at path. Where there is no such file and create is set, it makes one with a fresh AES-256-GCM
// key. Changes of the file count from then on: it is read whenever a secret is sealed or opened, which is seldom.
func Open(path string, create bool) (*Box, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		text, err = write(path)
	}
	if err != nil {
		return nil, unusable(err)
	}
	opened, err := read(text, path)
	return &Box{path: path, text: text, keys: opened}, err
}

// Parse reads a keyset from its JSON text; from says where that stands.
func Parse(text, from string) (*Box, error) {
	opened, err := read([]byte(text), from)
	return &Box{keys: opened}, err
}

func read(text []byte, from string) (keys, error) {
	handle, err := parse(text, from)
	if err != nil {
		return keys{}, err
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return keys{}, fmt.Errorf("the secrets keyset %s holds no key for authenticated encryption", from)
	}
	primary, err := handle.Primary()
	if err != nil {
		return keys{}, fmt.Errorf("the secrets keyset %s has no primary key", from)
	}
	id := primary.KeyID()
	return keys{primitive, string([]byte{1, byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})}, nil // Tink, "Wire format"
}

// write makes a keyset. Of two starters at once, one makes the file and both read it.
func write(path string) ([]byte, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	text, err := format(handle)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	err = writeAside(path, text, func(fresh string) error { return os.Link(fresh, path) })
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// now are the keys of the file as it is now. While it cannot be read, they are those that were read last.
func (b *Box) now() keys {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.path == "" {
		return b.keys
	}
	if text, err := os.ReadFile(b.path); err == nil && !bytes.Equal(text, b.text) {
		if fresh, err := read(text, b.path); err == nil {
			b.text, b.keys = text, fresh
		}
	}
	return b.keys
}

// Seal encrypts plaintext so that it opens only with the same context.
func (b *Box) Seal(plaintext, context []byte) ([]byte, error) {
	return b.now().Encrypt(plaintext, context)
}

// Unseal decrypts what Seal made.
func (b *Box) Unseal(ciphertext, context []byte) ([]byte, error) {
	plaintext, err := b.now().Decrypt(ciphertext, context)
	if err != nil {
		return nil, errors.New("a secret cannot be decrypted: it belongs to another row, or its key is not in the keyset")
	}
	return plaintext, nil
}

// Current reports whether a ciphertext is one of the key that encrypts now.
func (b *Box) Current(ciphertext []byte) bool {
	return bytes.HasPrefix(ciphertext, []byte(b.now().prefix))
}
