package access_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

func TestTokensArePaged(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	want := []string{"a", "b", "c"}
	for _, name := range want {
		create(t, s, access.CreateTokenInput{Name: name, Scopes: []access.Scope{access.Read}})
	}
	gone, _ := create(t, s, readToken)
	if err := s.Revoke(t.Context(), gone.UID.String()); err != nil {
		t.Fatal(err)
	}
	got := []string{}
	args := directory.PageArgs{First: 2}
	for more := true; more; {
		page, err := s.Tokens(args)
		if err != nil {
			t.Fatal(err)
		}
		nodes, err := page.Nodes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, node := range nodes {
			got = append(got, node.Name)
		}
		info, err := page.PageInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		args.After, more = info.EndCursor, info.HasNextPage
		if n, err := page.TotalCount(t.Context()); n != len(want) || err != nil {
			t.Errorf("the total is %d, %v", n, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, args := range []directory.PageArgs{{First: 0}, {First: 1001}, {First: 1, After: to(directory.Cursor("x"))}} {
		if _, err := s.Tokens(args); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("%+v: %v", args, err)
		}
	}
}

func TestTokenNamesAreBounded(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	for _, name := range []string{"", " \t", "\x00", "\xff", strings.Repeat("a", directory.MaxNameLength+1)} {
		_, secret, err := s.CreateToken(t.Context(), access.CreateTokenInput{Name: name, Scopes: readToken.Scopes})
		var e *directory.Error
		if !errors.As(err, &e) || e.Code != directory.CodeBadInput || cmp.Diff([]string{"name"}, e.Field) != "" || secret != "" {
			t.Errorf("%.20q: %v", name, err)
		}
	}
}

func TestSecretsAreNeverTheSame(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	seen := map[string]bool{}
	for range 20 {
		_, secret := create(t, s, readToken)
		if seen[secret] || len(secret) != len(access.SecretPrefix)+43 {
			t.Fatalf("%q", secret)
		}
		seen[secret] = true
	}
}

func TestRevokeOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	s := access.New(newStore(t), access.Config{})
	for _, id := range []string{"", "1", uuid.NewString(), "urn:uuid:" + uuid.NewString()} {
		if err := s.Revoke(t.Context(), id); !directory.HasCode(err, directory.CodeNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}
