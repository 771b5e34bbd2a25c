package audit

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The encoding is a promise to whoever recomputes the chain: it never changes.
func TestSealIsForEver(t *testing.T) {
	t.Parallel()
	detail := `{"after": {"name": "ü"}}`
	e := Event{
		ID: 7, At: time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC), Actor: "ana", Token: "t", Door: "graphql", RequestID: "r",
		Action: "role.create", Target: "x", Detail: &detail,
	}
	first := e.Seal(Hash{})
	e.Detail = nil
	second := e.Seal(first)
	if first.String() != "ec71201cb2a474e73d50c6adf59d20379543424a02a6979dab648d0c94e931da" || second.String() != "9acad1be102bc3444d63f852c96b46a5d7ffddf247701c19f8aed8fc98fb329d" {
		t.Errorf("the seals are %s and %s", first, second)
	}
}

// Two events have one seal only where they are the same, wherever their texts begin and end.
func TestSealTellsEventsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (Event, string) {
			texts := rapid.SliceOfN(rapid.StringMatching(`[a\x00]{0,2}`), 7, 7).Draw(t, name)
			e := Event{
				ID: rapid.Int64Range(0, 2).Draw(t, name+" id"), At: time.UnixMicro(rapid.Int64Range(-1, 1).Draw(t, name+" at")),
				Actor: texts[0], Token: texts[1], Door: texts[2], RequestID: texts[3], Action: texts[4], Target: texts[5],
			}
			if rapid.Bool().Draw(t, name+" detail") {
				e.Detail = &texts[6]
			} else {
				texts[6] = "none"
			}
			return e, strings.Join(texts, "|") + e.Number() + e.At.UTC().String()
		}
		one, oneText := draw("one")
		other, otherText := draw("other")
		if same := one.Seal(Hash{}) == other.Seal(Hash{}); same != (oneText == otherText) {
			t.Fatalf("%q and %q have the same seal: %t", oneText, otherText, same)
		}
		if one.Seal(Hash{1}) == one.Seal(Hash{}) {
			t.Fatal("the seal before does not count")
		}
	})
}
