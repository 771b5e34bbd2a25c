package access_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
)

// attempt is a request's Authorization header, and who it lets in: nil is refused.
type attempt struct {
	name   string
	header []string
	want   *access.Principal
}

// are fails the test unless each attempt ends as it is to. All refusals are the same.
func are(t *testing.T, s *access.Service, attempts []attempt) {
	t.Helper()
	for _, a := range attempts {
		got, err := s.Authenticate(t.Context(), a.header)
		if diff := cmp.Diff(a.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", a.name, diff)
		}
		if a.want != nil {
			if err != nil {
				t.Errorf("%s: %v", a.name, err)
			}
			continue
		}
		if diff := cmp.Diff(refusal, errorOf(err)); diff != "" {
			t.Errorf("%s is refused differently (-want +got):\n%s", a.name, diff)
		}
	}
}

// asked is a store that counts the look-ups of tokens.
type asked struct {
	access.Store
	lookups int
}

func (a *asked) TokenByHash(ctx context.Context, hash access.Hash) (*access.Token, error) {
	a.lookups++
	return a.Store.TokenByHash(ctx, hash)
}

// What is no live token is refused, always in the same words and after the same work: nobody learns how near they came, by the time
// neither. What is looked up is a hash, whose comparison tells nothing of the token.
func TestA2WrongExpiredAndRevokedTokens(t *testing.T) {
	t.Parallel()
	c := newClock()
	db := newStore(t)
	counted := &asked{Store: db}
	s := access.New(counted, access.Config{AdminToken: "let-me-in", Now: c.now})
	token, secret := create(t, s, readToken)
	revoked, gone := create(t, s, readToken)
	if err := s.Revoke(t.Context(), revoked.UID.String()); err != nil {
		t.Fatal(err)
	}
	_, expired := create(t, s, access.CreateTokenInput{Name: "x", Scopes: readToken.Scopes, ExpiresAt: to(c.now().Add(time.Second))})
	c.pass(time.Second)
	attempts := []attempt{
		{"stored", []string{"Bearer " + secret}, &access.Principal{Name: "reader", Scopes: []access.Scope{access.Read}, Token: token.UID}},
		{"configured", []string{"Bearer let-me-in"}, &access.Principal{Name: "admin", Scopes: access.AdminScopes}},
		{"wrong", []string{"Bearer rst_" + strings.Repeat("A", 43)}, nil},
		{"truncated", []string{"Bearer " + secret[:len(secret)-1]}, nil},
		{"longer", []string{"Bearer " + secret + "A"}, nil},
		{"in another case", []string{"Bearer " + strings.ToUpper(secret)}, nil},
		{"without its prefix", []string{"Bearer " + strings.TrimPrefix(secret, access.SecretPrefix)}, nil},
		{"revoked", []string{"Bearer " + gone}, nil},
		{"expired", []string{"Bearer " + expired}, nil},
		{"the configured token, truncated", []string{"Bearer let-me-i"}, nil},
		{"the public id", []string{"Bearer " + token.UID.String()}, nil},
		{"NUL", []string{"Bearer \x00"}, nil},
	}
	work := func() map[string]int {
		out := map[string]int{}
		for _, a := range attempts {
			before := counted.lookups
			are(t, s, []attempt{a})
			if a.want == nil {
				out[a.name] = counted.lookups - before
			}
		}
		return out
	}
	want := map[string]int{}
	for _, a := range attempts {
		if a.want == nil {
			want[a.name] = 1
		}
	}
	if diff := cmp.Diff(want, work()); diff != "" {
		t.Errorf("look-ups of what is refused (-want +got):\n%s", diff)
	}
	d := directory.New(db)
	if err := d.HoldInMemory(t.Context(), db, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.HoldInMemory(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		want[name] = 0
	}
	if diff := cmp.Diff(want, work()); diff != "" {
		t.Errorf("look-ups of what is refused, with the tokens in memory (-want +got):\n%s", diff)
	}
}

// One Bearer, in any case, and nothing else (RFC 6750 section 2.1).
func TestA3EmptyDoubledAndMalformedCredentials(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	token, secret := create(t, s, readToken)
	reader := &access.Principal{Name: "reader", Scopes: []access.Scope{access.Read}, Token: token.UID}
	are(t, s, []attempt{
		{"Bearer", []string{"Bearer " + secret}, reader},
		{"scheme in another case", []string{"bEARER " + secret}, reader},
		{"several spaces", []string{"Bearer   " + secret + " "}, reader},
		{"none", nil, nil},
		{"empty", []string{""}, nil},
		{"scheme only", []string{"Bearer"}, nil},
		{"empty token", []string{"Bearer "}, nil},
		{"null", []string{"Bearer null"}, nil},
		{"token only", []string{secret}, nil},
		{"another scheme", []string{"Basic " + secret}, nil},
		{"twice", []string{"Bearer " + secret, "Bearer " + secret}, nil},
		{"twice in one", []string{"Bearer " + secret + ", Bearer " + secret}, nil},
		{"two tokens", []string{"Bearer " + secret + " " + secret}, nil},
		{"with a tab", []string{"Bearer\t" + secret}, nil},
	})
}

// What is stored of a token opens nothing and does not lead back to it: its secret has 256 random bits, of which the SHA-256
// is kept.
func TestA12ADumpOfTheDatabaseIsUseless(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	db := openStore(t, url)
	s := access.New(db, access.Config{})
	_, secret := create(t, s, readToken)
	random, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(secret, access.SecretPrefix))
	if err != nil || len(random) != 32 {
		t.Fatalf("the secret holds %d random bytes, %v", len(random), err)
	}
	raw, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var dump, hash string
	if err := raw.QueryRowContext(t.Context(), `SELECT to_jsonb(t)::text, encode(hash, 'hex') FROM access_token t`).Scan(&dump, &hash); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(secret))
	if hash != hex.EncodeToString(sum[:]) {
		t.Errorf("stored is %s, want the SHA-256 of the secret", hash)
	}
	for _, part := range []string{secret, strings.TrimPrefix(secret, access.SecretPrefix), hex.EncodeToString(random)} {
		if strings.Contains(dump, part) {
			t.Errorf("the secret is in the row: %s", dump)
		}
	}
	for _, stolen := range []string{hash, strings.ToUpper(hash), `\x` + hash, access.SecretPrefix + base64.RawURLEncoding.EncodeToString(sum[:])} {
		if p, err := s.Authenticate(t.Context(), []string{"Bearer " + stolen}); p != nil || !directory.HasCode(err, directory.CodeUnauthenticated) {
			t.Errorf("%s opens the door: %v, %v", stolen, p, err)
		}
	}
}

// refusal is the one answer to every request without a live token.
var refusal = directory.Error{
	Code: directory.CodeUnauthenticated, Message: "A valid access token is required. Send it in the header Authorization: Bearer <token>.",
}

func errorOf(err error) directory.Error {
	var e *directory.Error
	if !errors.As(err, &e) {
		return directory.Error{}
	}
	return *e
}

func TestEmptyAdminTokenIsNoToken(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	for _, header := range []string{"Bearer ", "Bearer", "Bearer null"} {
		if p, err := s.Authenticate(t.Context(), []string{header}); p != nil || !directory.HasCode(err, directory.CodeUnauthenticated) {
			t.Errorf("%q opens the door: %v, %v", header, p, err)
		}
	}
}

// Uses are noted beside the requests, all tokens' in one statement.
func TestUsesAreWrittenTogetherOnceAMinute(t *testing.T) {
	t.Parallel()
	c := newClock()
	db := newStore(t)
	s := access.New(db, access.Config{Now: c.now})
	var tokens []uuid.UUID
	var secrets []string
	for range 3 {
		token, secret := create(t, s, readToken)
		tokens, secrets = append(tokens, token.UID), append(secrets, secret)
	}
	statements := func(do func()) uint64 {
		before := db.Statements()
		do()
		return db.Statements() - before
	}
	use := func() {
		t.Helper()
		for _, secret := range secrets[:2] {
			if _, err := s.Authenticate(t.Context(), []string{"Bearer " + secret}); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func() {
		t.Helper()
		if err := s.WriteUses(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	used := func() (out []time.Time) {
		t.Helper()
		found, err := s.TokensByUID(t.Context(), tokens)
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range found {
			if token.LastUsedAt != nil {
				out = append(out, token.LastUsedAt.UTC())
			}
		}
		return out
	}
	first := c.now().UTC()
	if n := statements(use); n != 2 {
		t.Errorf("two uses took %d statements, want the look-ups alone", n)
	}
	if n := statements(write); n != 1 {
		t.Errorf("two uses were written in %d statements", n)
	}
	c.pass(59 * time.Second)
	use()
	if n := statements(write); n != 0 {
		t.Errorf("uses within the minute took %d statements", n)
	}
	if diff := cmp.Diff([]time.Time{first, first}, used()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.pass(time.Second)
	use()
	write()
	second := c.now().UTC()
	if diff := cmp.Diff([]time.Time{second, second}, used()); diff != "" {
		t.Errorf("a minute later (-want +got):\n%s", diff)
	}
	// What another replica noted since is not taken back.
	other := access.New(db, access.Config{Now: func() time.Time { return first.Add(-time.Hour) }})
	if _, err := other.Authenticate(t.Context(), []string{"Bearer " + secrets[2]}); err != nil {
		t.Fatal(err)
	}
	c.pass(time.Minute)
	if _, err := s.Authenticate(t.Context(), []string{"Bearer " + secrets[2]}); err != nil {
		t.Fatal(err)
	}
	write()
	if err := other.WriteUses(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := used(); len(got) != 3 || !got[2].Equal(c.now()) {
		t.Errorf("an older use was written over a later one: %v", got)
	}
}

// What an administrator takes away is gone with the next request.
func TestTokensAreReadFresh(t *testing.T) {
	t.Parallel()
	db := newStore(t)
	s := access.New(db, access.Config{})
	d, instance := scimInstance(t, db, "HR")
	_, secret := create(t, s, access.CreateTokenInput{Name: "push", Scopes: []access.Scope{access.SCIM}, Provider: to("HR")})
	authenticate := func() (*access.Principal, error) {
		return s.Authenticate(t.Context(), []string{"Bearer " + secret})
	}
	p, err := authenticate()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(instance, p.Instance); diff != "" {
		t.Errorf("the token's instance (-want +got):\n%s", diff)
	}
	if _, err := d.SetRuntimeConfig(t.Context(), "HR", "", "scim.unknownMembers", "refuse"); err != nil {
		t.Fatal(err)
	}
	if p, err = authenticate(); err != nil || p.Instance.Config["scim.unknownMembers"] != "refuse" {
		t.Errorf("the new configuration is not seen: %+v, %v", p, err)
	}
	if _, err := d.UpdateProvider(t.Context(), "HR", to(false)); err != nil {
		t.Fatal(err)
	}
	if p, err = authenticate(); err != nil || p.Instance.Live() {
		t.Errorf("the disabled provider is not seen: %+v, %v", p, err)
	}
	if err := d.DeleteProvider(t.Context(), "HR"); err != nil {
		t.Fatal(err)
	}
	if p, err = authenticate(); p != nil || !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("the token of a deleted instance opens the door: %+v, %v", p, err)
	}
}

func TestRecheck(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := access.New(newStore(t), access.Config{AdminToken: "a", Now: c.now})
	token, secret := create(t, s, access.CreateTokenInput{Name: "x", Scopes: readToken.Scopes, ExpiresAt: to(c.now().Add(time.Hour))})
	p, err := s.Authenticate(t.Context(), []string{"Bearer " + secret})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Recheck(t.Context(), p); err != nil {
		t.Errorf("a live token: %v", err)
	}
	if err := s.Recheck(t.Context(), &access.Principal{Name: "admin"}); err != nil {
		t.Errorf("the configured token: %v", err)
	}
	if err := s.Recheck(t.Context(), nil); !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("nobody: %v", err)
	}
	c.pass(time.Hour)
	if err := s.Recheck(t.Context(), p); !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("an expired token: %v", err)
	}
	c.pass(-time.Hour)
	if err := s.Revoke(t.Context(), token.UID.String()); err != nil {
		t.Fatal(err)
	}
	if err := s.Recheck(t.Context(), p); !directory.HasCode(err, directory.CodeUnauthenticated) {
		t.Errorf("a revoked token: %v", err)
	}
}
