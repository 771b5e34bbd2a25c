package scim

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Bodies are read as the standard library reads them, and nothing that it refuses is taken. The NUL character is refused.
func TestBodiesAreReadLikeTheStandardLibraryDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := encode(map[string]any{"a": jsonValue(3).Draw(t, "value")})
		if rapid.Bool().Draw(t, "spaced") {
			var spaced bytes.Buffer
			if err := json.Indent(&spaced, text, " ", "\t"); err != nil {
				t.Fatal(err)
			}
			text = spaced.Bytes()
		}
		damaged := rapid.Bool().Draw(t, "damaged")
		if damaged {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			text[at] = rapid.SampledFrom([]byte(`{}[]",:\ 0-x`)).Draw(t, "byte")
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var want map[string]any
		refused := d.Decode(&want) != nil || d.More()
		got, err := decodeObject(text)
		switch {
		case refused && err == nil:
			t.Fatalf("%s was taken", text)
		case err != nil && !damaged && !bytes.Contains(text, []byte(`\u0000`)):
			t.Fatalf("%s: %v", text, err)
		case err == nil:
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s: %s", text, diff)
			}
		}
	})
}
