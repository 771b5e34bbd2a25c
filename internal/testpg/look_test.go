package testpg

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/canary"
)

// A secret in a row fails the test that wrote it, in text, in JSON and in bytes.
func TestQ7DatabasesAreLookedThrough(t *testing.T) {
	t.Parallel()
	server, err := maintenanceURL()
	if err != nil {
		t.Fatal(err)
	}
	address := create(t, server, "template0")
	change(t, address, `CREATE TABLE audit (id int, before jsonb, raw bytea, name text)`)
	change(t, address, `CREATE TABLE empty (id int)`)
	looked := func() []string {
		w := &witness{TB: t}
		look(w, address)
		return w.said
	}
	change(t, address, `INSERT INTO audit (name, before) VALUES ('ana', '{"a": "[hidden]"}')`)
	if said := looked(); len(said) > 0 {
		t.Errorf("there is no secret, and %v is said", said)
	}
	for column, value := range map[string]string{
		"name": "'x" + canary.Mark + "x'", "before": `'{"a": ["` + canary.Mark + `"]}'`, "raw": "'" + canary.Mark + "'::bytea",
	} {
		change(t, address, "INSERT INTO audit ("+column+") VALUES ("+value+")")
		if said := looked(); len(said) != 1 || !strings.Contains(said[0], "a secret: audit: ") {
			t.Errorf("%s: %v", column, said)
		}
		change(t, address, "DELETE FROM audit")
	}
}

// The URL of every database has a password that is looked for.
func TestQ7EveryURLHasACanary(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"postgres://ana@/x?host=%2Ftmp":  password,
		"postgres://db:5432/x":           password,
		"postgres://ana:known@db:5432/x": "known",
	} {
		u, err := url.Parse(withPassword(address))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := u.User.Password(); got != want {
			t.Errorf("%s has the password %q, want %q", address, got, want)
		}
	}
}

// witness is a test that keeps what it is failed with.
type witness struct {
	testing.TB
	said []string
}

func (w *witness) Errorf(f string, args ...any) { w.said = append(w.said, fmt.Sprintf(f, args...)) }

func BenchmarkLook(b *testing.B) {
	address := New(b)
	for b.Loop() {
		look(b, address)
	}
}
