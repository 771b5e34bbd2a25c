package directory

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestACursorReadsBackWhatItWasMadeFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Filter(func(s string) bool { return s == "" || isLookupKey(s) })
		list := rapid.SampledFrom([]string{"users", "groups/NAME/desc", "changes"}).Draw(t, "list")
		parts := rapid.SliceOfN(text, 1, 4).Draw(t, "parts")
		got, err := newCursor(list, parts...).parts(list, len(parts))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parts, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if _, err := newCursor(list, parts...).parts("members", len(parts)); !HasCode(err, CodeBadInput) {
			t.Fatalf("a cursor of %s was taken for one of members: %v", list, err)
		}
		if _, err := newCursor(list, parts...).parts(list, len(parts)+1); !HasCode(err, CodeBadInput) {
			t.Fatalf("a cursor with a part missing was taken: %v", err)
		}
	})
}

func TestAFeedCursorReadsBackItsPosition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshot := rapid.SampledFrom([]string{"", "1:1:", "10:20:11,15"})
		want := FeedPosition{
			Epoch: uuid.New(), From: snapshot.Draw(t, "from"), To: snapshot.Draw(t, "to"),
			Seq: rapid.Int64Min(0).Draw(t, "seq"), Index: rapid.IntMin(0).Draw(t, "index"),
		}
		cursor := want.cursor()
		got, err := feedPosition(&cursor)
		if err != nil || got != want {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add("WyIxIiwidXNlcnMiLCIiLCI3Il0")
	f.Add(string(IDCursor("members", 42)))
	f.Fuzz(func(t *testing.T, text string) {
		c := Cursor(text)
		if _, err := c.id("members"); err != nil && !HasCode(err, CodeBadInput) {
			t.Errorf("%v", err)
		}
		if _, err := feedPosition(&c); err != nil && !HasCode(err, CodeBadInput) {
			t.Errorf("%v", err)
		}
	})
}

func FuzzRevision(f *testing.F) {
	f.Add("")
	f.Add(Revision{Epoch: uuid.New(), XID: 7}.String())
	f.Add(Revision{Epoch: uuid.New(), Snapshot: "7:9:8"}.String())
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRevision(text)
		if err != nil {
			if !HasCode(err, CodeBadInput) {
				t.Errorf("%v", err)
			}
			return
		}
		if again, err := ParseRevision(r.String()); err != nil || again != r {
			t.Errorf("%+v reads back as %+v, %v", r, again, err)
		}
	})
}

func TestFoldKeyIsIdempotentAndIgnoresCaseAndForm(t *testing.T) {
	for _, same := range [][]string{
		{"Ana", "ANA", "ana"},
		{"ÉLISE", "élise", "e\u0301lise", "E\u0301LISE"},
		{"STRASSE", "straße"},
		{"Σίσυφος", "ΣΊΣΥΦΟΣ"},
	} {
		for _, name := range same[1:] {
			if FoldKey(name) != FoldKey(same[0]) {
				t.Errorf("%q and %q have the keys %q and %q", same[0], name, FoldKey(same[0]), FoldKey(name))
			}
		}
	}
	for _, different := range [][2]string{{"ana", "ana "}, {"ana", "aná"}, {`a\b`, "a/b"}} {
		if FoldKey(different[0]) == FoldKey(different[1]) {
			t.Errorf("%q and %q have one key", different[0], different[1])
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		if once, twice := FoldKey(name), FoldKey(FoldKey(name)); once != twice {
			t.Fatalf("%q folds to %q and then to %q", name, once, twice)
		}
	})
}

func TestFQNCandidatesAreDistinctAndKeepTheName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.StringMatching(`[A-Za-z][A-Za-z0-9 ]{0,8}`).Draw(t, "label")
		instance := rapid.SampledFrom([]string{"", "CORP", "contoso.com"}).Draw(t, "instance")
		name := rapid.StringN(1, 20, -1).Filter(utf8.ValidString).Draw(t, "name")
		plain := PlainFQN(KindUser, label, instance, name)
		prefix := label + ":"
		if instance != "" {
			prefix += instance + `\`
		}
		if plain != prefix+name {
			t.Fatalf("PlainFQN = %q, want %q", plain, prefix+name)
		}
		seen := map[string]bool{}
		for _, candidate := range fqnCandidates(plain, name) {
			if seen[candidate] || candidate[:len(plain)] != plain {
				t.Fatalf("candidates of %q: %q", plain, fqnCandidates(plain, name))
			}
			seen[candidate] = true
		}
	})
}

func FuzzFQN(f *testing.F) {
	f.Add("HR:ana", "hr")
	f.Add(`HR:eu\ana:b\c`, "e\u0301")
	f.Add("\u13a0\uab70\u0345\u1fb3", "\ufb03")
	f.Fuzz(func(t *testing.T, text, label string) {
		if !utf8.ValidString(text) {
			return
		}
		key := FoldKey(text)
		if again := FoldKey(key); again != key {
			t.Errorf("%q folds to %q, and that to %q", text, key, again)
		}
		if other := FoldKey(norm.NFD.String(text)); other != key {
			t.Errorf("%q folds to %q, its other form to %q", text, key, other)
		}
		if checkLabel("name", label) != nil || checkName("name", text) != nil {
			return
		}
		// The first separator ends the label, so that no two labels and names have one FQN.
		if before, after, _ := strings.Cut(PlainFQN(KindUser, label, "", text), ":"); before != label || after != text {
			t.Errorf("%q and %q read back as %q and %q", label, text, before, after)
		}
	})
}
