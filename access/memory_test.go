package access_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// replica is a directory and its tokens in memory.
type replica struct {
	*directory.Directory
	tokens *access.Service
	store  *store.Store
}

func replicasInMemory(t *testing.T, n int) []replica {
	t.Helper()
	url := testpg.New(t)
	out := make([]replica, n)
	for i := range out {
		s, err := store.Open(t.Context(), store.Config{URL: url, MaxConns: 8})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		d := directory.New(s)
		tokens := access.New(s, access.Config{})
		if err := d.HoldInMemory(t.Context(), s, 1<<20); err != nil {
			t.Fatal(err)
		}
		if err := tokens.HoldInMemory(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		s.Hints(t.Context(), slog.New(slog.DiscardHandler), d.Wake)
		out[i] = replica{d, tokens, s}
	}
	return out
}

// eventually waits for what another replica has to hear of.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not yet", what)
		}
	}
}

func TestTokensInMemory(t *testing.T) {
	t.Parallel()
	all := replicasInMemory(t, 2)
	here, there := all[0], all[1]
	ctx := t.Context()
	if _, err := here.AddProvider(ctx, "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	if _, err := here.AddInstance(ctx, "HR", "", true); err != nil {
		t.Fatal(err)
	}
	label := "HR"
	token, secret, err := here.tokens.CreateToken(ctx, access.CreateTokenInput{Name: "push", Scopes: []access.Scope{access.SCIM}, Provider: &label})
	if err != nil {
		t.Fatal(err)
	}
	header := []string{"Bearer " + secret}
	signIn := func(r replica) *access.Principal {
		p, err := r.tokens.Authenticate(ctx, header)
		if err != nil && !directory.HasCode(err, directory.CodeUnauthenticated) {
			t.Fatal(err)
		}
		return p
	}

	if signIn(here) == nil { // notes the use; later ones within the minute need nothing
		t.Fatal("unknown on the replica that made it")
	}
	eventually(t, "the new token elsewhere", func() bool { return signIn(there) != nil })

	enabled := false
	if _, err := here.UpdateProvider(ctx, "HR", &enabled); err != nil {
		t.Fatal(err)
	}
	if p := signIn(here); p == nil || p.Instance.Live() {
		t.Error("the disabled provider is live on the replica that disabled it")
	}
	eventually(t, "the disabled provider elsewhere", func() bool { return !signIn(there).Instance.Live() })

	if err := here.tokens.Revoke(ctx, token.UID.String()); err != nil {
		t.Fatal(err)
	}
	if signIn(here) != nil {
		t.Error("a revoked token opens the replica that revoked it")
	}
	eventually(t, "the end of the token elsewhere", func() bool { return signIn(there) == nil })
}

// A replica that cannot hear of a revocation any more lets nobody in.
func TestNobodySignsInWhereRevocationsCannotBeHeard(t *testing.T) {
	t.Parallel()
	r := replicasInMemory(t, 1)[0]
	_, secret, err := r.tokens.CreateToken(t.Context(), access.CreateTokenInput{Name: "reader", Scopes: []access.Scope{access.Read}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.store.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "UNAVAILABLE", func() bool {
		_, err := r.tokens.Authenticate(t.Context(), []string{"Bearer " + secret})
		return directory.HasCode(err, directory.CodeUnavailable)
	})
}
