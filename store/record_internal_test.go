package store

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSharedTextsReadAsBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.StringMatching(`[ab]{0,4}|é`)).Draw(t, "texts")
		got := slices.Clone(want)
		pointers := []*string{nil}
		for i := range got {
			pointers = append(pointers, &got[i])
		}
		share(pointers...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
