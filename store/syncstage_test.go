package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// Links that share a row of the stage come back one by one, each with its number, also where they were set apart.
func TestStagedLinksComeBackOneByOne(t *testing.T) {
	t.Parallel()
	s := openCopied(t)
	ends := rapid.SampledFrom([]string{"", "a", "b", "O'Neil, \"x\"\\", strings.Repeat("long", 200)})
	rapid.Check(t, func(rt *rapid.T) {
		var links []syncer.StagedLink
		seq := int64(0)
		for range rapid.IntRange(1, 12).Draw(rt, "links") {
			seq += rapid.SampledFrom([]int64{1, 1, 1, 2}).Draw(rt, "step")
			l := syncer.StagedLink{Seq: seq, Link: connector.Link{
				Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: rapid.SampledFrom([]string{"g", "h"}).Draw(rt, "owner"),
				Removed: rapid.SampledFrom([]bool{false, false, true}).Draw(rt, "removed"),
				Other: connector.Ref{
					Kind:     rapid.SampledFrom([]directory.IdentityKind{directory.KindUser, directory.KindUser, ""}).Draw(rt, "kind"),
					Provider: rapid.SampledFrom([]string{"", "", "aad"}).Draw(rt, "provider"), Key: ends.Draw(rt, "key"),
				},
			}}
			if rapid.IntRange(0, 4).Draw(rt, "type") == 0 {
				l.Type, l.OwnerKind = connector.Manager, directory.KindUser
			}
			if l.Other.Key == "" {
				l.Other.Name = "somebody"
			}
			links = append(links, l)
		}
		for _, apart := range []bool{false, true} {
			got, rows, err := s.StageLinks(t.Context(), links, apart)
			if err != nil {
				rt.Fatal(err)
			}
			if d := cmp.Diff(links, got); d != "" {
				rt.Fatal(d)
			}
			if apart && rows != len(links) {
				rt.Fatalf("%d links that were set apart are in %d rows", len(links), rows)
			}
		}
	})
	many := make([]syncer.StagedLink, 100)
	for i := range many {
		many[i] = syncer.StagedLink{Seq: int64(i), Link: connector.Link{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: "g", Other: connector.Ref{Key: strings.Repeat("k", 36)}}}
	}
	if _, rows, err := s.StageLinks(t.Context(), many, false); err != nil || rows != 3 {
		t.Errorf("100 links are in %d rows, %v", rows, err)
	}
}
