package secret_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/roster-gateway/roster/internal/secret"
)

func TestQ5ASecretOpensOnlyInItsRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "secrets.json")
	box, err := secret.Open(path, true)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := box.Seal([]byte("hunter2"), []byte("row/1"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Error("the ciphertext holds the plaintext")
	}
	again, err := secret.Open(path, false)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Unseal(sealed, []byte("row/1")); err != nil || string(got) != "hunter2" {
		t.Errorf("Unseal = %q, %v", got, err)
	}
	if got, err := again.Unseal(sealed, []byte("row/2")); err == nil {
		t.Errorf("opened in another row: %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
}

func TestStartersAtOnceShareOneKeyset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.json")
	boxes := make([]*secret.Box, 8)
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Go(func() {
			box, err := secret.Open(path, true)
			if err != nil {
				t.Error(err)
				return
			}
			boxes[i] = box
		})
	}
	wg.Wait()
	sealed, err := boxes[0].Seal([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, box := range boxes {
		if _, err := box.Unseal(sealed, nil); err != nil {
			t.Errorf("starter %d has another key: %v", i, err)
		}
	}
}

func TestABrokenKeysetIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.json")
	if _, err := secret.Open(path, false); err == nil {
		t.Error("a missing keyset was accepted")
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(path, true); err == nil {
		t.Error("a broken keyset was accepted")
	}
}
