package secret_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/roster-gateway/roster/internal/secret"
)

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestRotation goes the way of two replicas with files of their own: at no step does one seal what the other cannot open.
func TestQ5Rotation(t *testing.T) {
	here, there := filepath.Join(t.TempDir(), "a.json"), filepath.Join(t.TempDir(), "b.json")
	one := must(secret.Open(here, true))(t)
	bring := func() {
		t.Helper()
		if err := os.WriteFile(there, must(os.ReadFile(here))(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bring()
	two := must(secret.Open(there, false))(t)
	context := []byte("row/1")
	first := must(one.Seal([]byte("hunter2"), context))(t)
	open := func(step string) {
		t.Helper()
		for _, from := range []*secret.Box{one, two} {
			sealed := must(from.Seal([]byte("fresh"), context))(t)
			for _, to := range []*secret.Box{one, two} {
				if got, err := to.Unseal(sealed, context); err != nil || string(got) != "fresh" {
					t.Errorf("%s: a replica cannot open what another sealed: %v", step, err)
				}
			}
		}
	}

	keys := must(secret.ReadKeys(here))(t)
	if keys.Waiting() || keys.Old() != 0 {
		t.Error("a new keyset has more than one key")
	}
	if err := keys.Add(); err != nil || !keys.Waiting() || !one.Current(first) {
		t.Errorf("after adding: %v, waiting %v; the first key has to go on", err, keys.Waiting())
	}
	bring()
	open("a key waits")
	if err := keys.Promote(); err != nil || keys.Waiting() || one.Current(first) || !two.Current(first) {
		t.Errorf("after promoting: %v, waiting %v", err, keys.Waiting())
	}
	open("one encrypts with the new key, the other with the old one")
	bring()
	open("both encrypt with the new key")
	again := must(secret.ReadKeys(here))(t)
	if again.Old() != 1 {
		t.Errorf("%d keys are old, want 1", again.Old())
	}
	if err := again.DropOld(); err != nil || again.Old() != 0 {
		t.Errorf("after dropping: %v", err)
	}
	open("one has only the new key")
	if _, err := one.Unseal(first, context); err == nil {
		t.Error("what a dropped key sealed is opened")
	}
	if info := must(os.Stat(here))(t); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

// A running server outlives a file that was half written, or taken away.
func TestABrokenChangeOfTheFileIsWaitedOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	box := must(secret.Open(path, true))(t)
	sealed := must(box.Seal([]byte("x"), nil))(t)
	for _, change := range []func() error{
		func() error { return os.WriteFile(path, []byte(`{"primaryKeyId":`), 0o600) },
		func() error { return os.Remove(path) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if _, err := box.Unseal(sealed, nil); err != nil {
			t.Error(err)
		}
	}
	if _, err := secret.ReadKeys(path); err == nil {
		t.Error("a missing file was read")
	}
}

func TestAKeysetIsReadFromText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	file := must(secret.Open(path, true))(t)
	text := must(secret.Parse(string(must(os.ReadFile(path))(t)), "in a variable"))(t)
	sealed := must(file.Seal([]byte("x"), nil))(t)
	if got, err := text.Unseal(sealed, nil); err != nil || string(got) != "x" || !text.Current(sealed) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := secret.Parse("{", "in a variable"); err == nil {
		t.Error("a broken keyset was taken")
	}
}
