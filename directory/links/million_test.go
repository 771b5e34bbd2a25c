package links_test

import (
	"encoding/binary"
	"runtime"
	"strconv"
	"testing"

	"github.com/roster-gateway/roster/directory/links"
)

// TestL7AGroupOfAMillionMembersIsPaged walks a group of a million members page by page: each comes once, and a page costs
// what a page holds, wherever it is in the list.
func TestL7AGroupOfAMillionMembersIsPaged(t *testing.T) {
	const members, page = million, 1000
	b := links.Build(members + 1)
	all := make([]int64, members)
	for i := range int64(members + 1) {
		n := links.Node{Identity: links.Identity{ID: i + 1, Name: links.KeyOf(strconv.FormatInt(i, 10)), Kind: links.User, Status: links.Active}}
		binary.BigEndian.PutUint64(n.UID[:], uint64(i+1)*0x9e3779b97f4a7c15)
		if i == members {
			n.Kind = links.Group
		} else {
			all[i] = i + 1
		}
		b.Node(n)
	}
	const group = members + 1
	b.Members(group, all)
	g := b.Graph()

	for _, effective := range []bool{false, true} {
		q := links.Question{Of: group, Effective: effective, Status: links.Active}
		if n := g.Count(q); n != members {
			t.Errorf("it has %d members", n)
		}
		step := int64(1)
		if effective {
			step = 50_000 // each page of them walks the group
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		pages := 0
		var out []links.Linked
		for last := int64(0); last+page <= members; last += page * step {
			out = g.Page(q, last, page, out[:0])
			if len(out) != page || out[0].ID != last+1 || out[page-1].ID != last+page {
				t.Fatalf("effective %v: after %d come %d from %d on", effective, last, len(out), out[0].ID)
			}
			pages++
		}
		runtime.ReadMemStats(&after)
		if bytes := int(after.TotalAlloc-before.TotalAlloc) / pages; bytes > 512<<10 {
			t.Errorf("effective %v: a page allocates %d bytes", effective, bytes)
		}
	}
}
