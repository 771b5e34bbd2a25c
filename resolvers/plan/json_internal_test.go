package plan

import (
	"bytes"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// Texts are escaped as gqlgen escapes them, whatever bytes they are made of.
func TestStringsAreWrittenAsByGqlgen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		var want bytes.Buffer
		graphql.MarshalString(text).MarshalGQL(&want)
		if got := appendString(nil, text); !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%q is written as %s, not as %s", text, got, want.Bytes())
		}
	})
}

func TestIdsAreWrittenAsByGqlgen(t *testing.T) {
	id := uuid.New()
	var want bytes.Buffer
	graphql.MarshalUUID(id).MarshalGQL(&want)
	if got := appendUUID(nil, id); !bytes.Equal(got, want.Bytes()) {
		t.Fatalf("%s is written as %s", want.Bytes(), got)
	}
}
