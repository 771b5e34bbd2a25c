package azuread

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// Applied one after the other, what settled leaves comes to what the list itself does, and the removals come first.
func TestSettledComesToTheSame(t *testing.T) {
	t.Parallel()
	net := func(list []reference) map[string]bool {
		links := map[string]bool{}
		for _, r := range list {
			if r.ID != "" {
				links[r.ID] = r.Removed == nil
			}
		}
		return links
	}
	rapid.Check(t, func(t *rapid.T) {
		var list []reference
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			r := reference{ID: rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "id")}
			if rapid.Bool().Draw(t, "removed") {
				r.Removed = &removed{}
			}
			list = append(list, r)
		}
		got := settled(list)
		if diff := cmp.Diff(net(list), net(got)); diff != "" || len(got) != len(net(list)) {
			t.Fatalf("%d of %d: %s", len(got), len(list), diff)
		}
		for i := 1; i < len(got); i++ {
			if got[i].Removed != nil && got[i-1].Removed == nil {
				t.Fatal("something is taken back after something was told")
			}
		}
	})
}

// Whatever Graph tells, what is taken over has a key, and links lead from a key to a key.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","manager@delta":[{"id":"2"}],"members@delta":[{"id":"3","@removed":{"reason":"deleted"}}]}`,
		`{"id":"1","@removed":{"reason":"changed"}}`, `{"id":"1","@removed":5,"mail":{}}`, `{"id":"1","members@delta":{},"manager":[]}`, `[]`, `null`, ``,
		`{"id":"1","members":[null,{"id":null},{"@odata.type":"#microsoft.graph.group","id":"2"}],"givenName":[1]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, kind := range []directory.IdentityKind{directory.KindUser, directory.KindGroup} {
			page := connector.Page{}
			(&source{}).rows([]json.RawMessage{text}, &place{Phase: kind, Full: true}, &page)
			if len(page.Identities) == 0 && len(page.Failures) == 0 {
				t.Error("dropped silently")
			}
			for _, id := range page.Identities {
				if id.Key == "" || (id.Removal == connector.Present) != (id.Attributes != nil) {
					t.Errorf("%+v", id)
				}
			}
			for _, link := range page.Links {
				if link.OwnerKey == "" || link.Other.Key == "" {
					t.Errorf("%+v", link)
				}
			}
		}
	})
}
