package scim

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// jsonValue draws any JSON value.
func jsonValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return json.Number(rapid.StringMatching(`-?[1-9][0-9]{0,8}(\.[0-9]{1,4})?`).Draw(t, "number"))
		case 3:
			return rapid.OneOf(rapid.String(), rapid.StringMatching(`["\\{}\[\],: ]{0,8}`)).Draw(t, "text")
		case 4:
			return rapid.SliceOfN(jsonValue(depth-1), 0, 4).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.StringMatching(`[a-z"\\:, {]{1,8}`), jsonValue(depth-1), 0, 5).Draw(t, "object")
		}
	})
}

// A stored document goes to the answer undecoded: it says the same, in as many bytes as the standard library needs.
func TestTidySaysTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := encode(jsonValue(3).Draw(t, "value"))
		var spaced bytes.Buffer
		if err := json.Indent(&spaced, want, "", " "); err != nil {
			t.Fatal(err)
		}
		stored := bytes.ReplaceAll(spaced.Bytes(), []byte("\n"), []byte(" ")) // a line feed in a text is escaped
		got := appendTidy(nil, string(stored))
		if len(got) != len(want) {
			t.Fatalf("%s became %s", stored, got)
		}
		if diff := cmp.Diff(decoded(t, want), decoded(t, got)); diff != "" {
			t.Fatalf("%s: %s", stored, diff)
		}
	})
}

func decoded(t *rapid.T, text []byte) (value any) {
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func TestAppendTextIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		var got string
		if err := json.Unmarshal(appendText(nil, want), &got); err != nil || got != want {
			t.Fatalf("%q came back as %q, %v", want, got, err)
		}
	})
}
