package directory_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
)

// anyValue draws a JSON value as the directory takes it; the names of members are often those that are looked for.
func anyValue(depth int) *rapid.Generator[any] {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "Ann", `"`, `\`, `a\"b`, "{", "}", "],[", "né\u2028e", "<&>"}))
	name := rapid.OneOf(rapid.SampledFrom([]string{"name", "givenName", "familyName", "userType", "emails"}), text)
	kinds := []*rapid.Generator[any]{
		text.AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Map(rapid.Int(), func(n int) any { text, _ := json.Marshal(n); return json.Number(text) }),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.Map(rapid.SliceOfN(anyValue(depth-1), 0, 3), func(list []any) any { return list }),
			rapid.Map(rapid.MapOfN(name, anyValue(depth-1), 0, 4), func(object map[string]any) any { return object }))
	}
	return rapid.OneOf(kinds...)
}

func anySet(t *rapid.T, label string) directory.AttributeSet {
	name := rapid.SampledFrom([]string{"name", "userType", "title", "emails", "urn:x", `na"me`})
	return directory.AttributeSet(rapid.MapOfN(name, anyValue(3), 0, 6).Draw(t, label))
}

// textAt is what is found in a decoded set, step by step.
func textAt(set directory.AttributeSet, path ...string) *string {
	var value any = map[string]any(set)
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	if text, ok := value.(string); ok && text != "" {
		return &text
	}
	return nil
}

func TestAttributesAreWhatTheyWereMadeFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := anySet(t, "set")
		made, err := directory.NewAttributes(set)
		if err != nil {
			t.Fatal(err)
		}
		var spread bytes.Buffer
		if err := json.Indent(&spread, []byte(made.JSON()), " ", "\t"); err != nil {
			t.Fatal(err)
		}
		for _, a := range []directory.Attributes{made, directory.AttributesOf(spread.String())} {
			if diff := cmp.Diff(set, a.Set()); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", a.JSON(), diff)
			}
			user := directory.User{Record: directory.Record{Attrs: a}}
			got := []*string{user.GivenName(), user.FamilyName(), user.UserType()}
			want := []*string{textAt(set, "name", "givenName"), textAt(set, "name", "familyName"), textAt(set, "userType")}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", a.JSON(), diff)
			}
			if !a.Equal(made) {
				t.Fatalf("%s is not what %s is", a.JSON(), made.JSON())
			}
		}
		other := anySet(t, "other")
		if made, err = directory.NewAttributes(other); err != nil {
			t.Fatal(err)
		}
		if got, want := made.Equal(directory.AttributesOf(spread.String())), cmp.Equal(set, other); got != want {
			t.Fatalf("%s equals %s: %v, want %v", made.JSON(), spread.String(), got, want)
		}
	})
}

func TestWhatJSONHasNotIsRefused(t *testing.T) {
	for _, value := range []any{json.Number("seven"), func() {}} {
		if a, err := directory.NewAttributes(directory.AttributeSet{"x": value}); err == nil {
			t.Errorf("%v became %s", value, a.JSON())
		}
	}
}

func BenchmarkAttributes(b *testing.B) {
	const text = `{"name":{"formatted":"Ann Lee","givenName":"Ann","familyName":"Lee"},"title":"Engineer",` +
		`"emails":[{"type":"work","value":"ann.lee@example.com","primary":true}],"userType":"Employee"}`
	b.Run("taken in", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			directory.AttributesOf(text)
		}
	})
	b.Run("three texts", func(b *testing.B) {
		b.ReportAllocs()
		user := &directory.User{Record: directory.Record{Attrs: directory.AttributesOf(text)}}
		for b.Loop() {
			if user.GivenName() == nil || user.FamilyName() == nil || user.UserType() == nil {
				b.Fatal("one is missing")
			}
		}
	})
}
