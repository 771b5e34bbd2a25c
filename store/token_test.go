package store_test

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

func TestTokenComesBackAsItWasStored(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s, err := store.Open(ctx, store.Config{URL: testpg.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	provider, err := s.InsertProvider(ctx, directory.Provider{Name: "HR", Type: directory.TypeSCIM, Enabled: true}, directory.Audit{})
	if err != nil {
		t.Fatal(err)
	}
	instance, err := s.InsertInstance(ctx, directory.Instance{Name: `E"U`, Provider: provider, Enabled: true}, directory.Audit{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetRuntimeConfig(ctx, instance.ID, directory.RuntimeConfigEntry{Key: "k", Value: text("v")}, nil, false, directory.Audit{}); err != nil {
		t.Fatal(err)
	}
	found, err := s.InstancesByID(ctx, []int64{instance.ID})
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Date(2200, 1, 2, 3, 4, 5, 0, time.UTC)
	want := access.Token{UID: uuid.New(), Name: "push", Scopes: []access.Scope{access.SCIM}, Instance: found[0], ExpiresAt: &ends}
	hash := access.HashOf("secret")
	inserted, err := s.InsertToken(ctx, want, hash, directory.Audit{})
	if err != nil {
		t.Fatal(err)
	}
	want.ID, want.CreatedAt = inserted.ID, inserted.CreatedAt
	for name, find := range map[string]func() (*access.Token, error){
		"by hash": func() (*access.Token, error) { return s.TokenByHash(ctx, hash) },
		"by uid": func() (*access.Token, error) {
			tokens, err := s.TokensByUID(ctx, []uuid.UUID{uuid.New(), want.UID})
			return tokens[1], err
		},
		"in the list": func() (*access.Token, error) {
			tokens, err := s.Tokens(ctx, want.ID-1, 1)
			return tokens[0], err
		},
	} {
		got, err := find()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got, err := s.TokenByHash(ctx, access.HashOf("another")); got != nil || err != nil {
		t.Errorf("an unknown hash finds %v, %v", got, err)
	}
}

// Rows A12 and R27: a dump holds no secret, and every change of a token leaves its audit row, a failed one none.
func TestTokenChangesAreAudited(t *testing.T) {
	t.Parallel()
	ctx := directory.WithActor(t.Context(), directory.Actor{Name: "root", Token: "t1", Door: "graphql", RequestID: "r1"})
	url := testpg.New(t)
	s, err := store.Open(ctx, store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	service := access.New(s, access.Config{})
	token, secret, err := service.CreateToken(ctx, access.CreateTokenInput{Name: "a", Scopes: []access.Scope{access.Read}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.Bootstrap(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_ = service.Revoke(ctx, token.UID.String()) // the second finds nothing
	}
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT concat_ws(' ', actor, token, door, request_id, action, target = $1, coalesce(detail->>'name', '-'), detail->'scopes')
		FROM audit WHERE action LIKE 'token.%' ORDER BY id`, token.UID.String())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := []string{}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := []string{`root t1 graphql r1 token.create t a ["READ"]`, `root t1 graphql r1 token.revoke t -`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the audit trail (-want +got):\n%s", diff)
	}
	var dump []byte
	if err := db.QueryRowContext(ctx, `SELECT (SELECT string_agg(t::text, '') FROM access_token t) || (SELECT string_agg(a::text, '') FROM audit a)`).Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(dump, []byte(strings.TrimPrefix(secret, access.SecretPrefix))) {
		t.Error("the database holds the secret of a token")
	}
}

func text(s string) *string { return &s }
