package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

func init() { testpg.Checks(15) }

func openCopied(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: testpg.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// What is copied comes back as it was, whatever stands in it.
func TestCopiedRowsComeBack(t *testing.T) {
	t.Parallel()
	s := openCopied(t)
	text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("\\\t\n\r\"'{},N \b\v.")), rapid.Rune().Filter(func(r rune) bool { return r > 0 })))
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) store.Copied {
			return store.Copied{
				N: rapid.Int64().Draw(rt, "n"), Yes: rapid.Bool().Draw(rt, "yes"), Text: text.Draw(rt, "text"),
				Maybe: rapid.Ptr(text, true).Draw(rt, "maybe"), List: rapid.SliceOfN(text, 0, 3).Draw(rt, "list"),
			}
		}), 1, 5).Draw(rt, "rows")
		got, err := s.CopyThere(t.Context(), want)
		if err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatal(d)
		}
	})
}

// Rows of more than the driver is given at a time come whole; one that the server refuses fails the copy, and the
// connection can be used on.
func TestManyRowsAreCopiedOrNone(t *testing.T) {
	t.Parallel()
	s := openCopied(t)
	rows := make([]store.Copied, 5000)
	for i := range rows {
		rows[i] = store.Copied{N: int64(i), Text: strings.Repeat("x", i%100), List: []string{}}
	}
	rows[4000].Text = "a\x00b"
	if _, err := s.CopyThere(t.Context(), rows); err == nil {
		t.Error("a NUL is copied")
	}
	rows[4000].Text = strings.Repeat("long ", 50_000)
	got, err := s.CopyThere(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(rows, got); d != "" {
		t.Error(d)
	}
}

// A connection that breaks in the middle of a copy ends it. The transaction on it cannot be ended from within.
func TestSafetyR1ACopyWhoseConnectionBreaksEnds(t *testing.T) {
	t.Parallel()
	s := openCopied(t)
	ended := make(chan error, 1)
	go func() { ended <- s.CopyOnABrokenLine(t.Context()) }()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it was copied")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
}
