package links_test

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/roster-gateway/roster/directory/links"
)

// The graph of the benchmarks: 100,000 users, 10,000 groups, about 500,000 memberships. Some groups have a shape of
// their own; their ids follow the users'.
const (
	benchUsers   = 100_000
	benchGroups  = 10_000
	chainTop     = benchUsers + 1 // 8 groups in a chain, 125 users each
	diamondTop   = benchUsers + 9 // 200 groups of 3 users over one of 500
	diamondEnd   = diamondTop + 201
	hugeGroup    = diamondEnd + 1 // 50,000 users
	firstRegular = hugeGroup + 1
)

func benchGraph() *links.Graph {
	random := rand.New(rand.NewPCG(1, 2))
	b := links.Build(benchUsers + benchGroups)
	for id := int64(1); id <= benchUsers+benchGroups; id++ {
		kind := links.User
		if id > benchUsers {
			kind = links.Group
		}
		n := links.Node{Identity: links.Identity{ID: id, Kind: kind, Status: links.Active, Version: 1, Name: links.Key{random.Uint64(), random.Uint64()}}}
		binary.LittleEndian.PutUint64(n.UID[:], random.Uint64())
		binary.LittleEndian.PutUint64(n.UID[8:], random.Uint64())
		b.Node(n)
	}
	users := func(n int) []int64 {
		out := make([]int64, n)
		for i := range out {
			out[i] = random.Int64N(benchUsers) + 1
		}
		return out
	}
	for i := int64(0); i < 8; i++ {
		members := users(125)
		if i < 7 {
			members = append(members, chainTop+i+1)
		}
		b.Members(chainTop+i, members)
	}
	middles := []int64{}
	for i := int64(1); i <= 200; i++ {
		middles = append(middles, diamondTop+i)
		b.Members(diamondTop+i, append(users(3), diamondEnd))
	}
	b.Members(diamondTop, middles)
	b.Members(diamondEnd, users(500))
	b.Members(hugeGroup, users(70_000)) // about 50,000 different ones
	for g := int64(firstRegular); g <= benchUsers+benchGroups; g++ {
		members := users(46)
		if g%2 == 0 && g+100 <= benchUsers+benchGroups {
			members = append(members, g+1+random.Int64N(100)) // nested towards higher ids: no cycle
		}
		b.Members(g, members)
	}
	return b.Graph()
}

func BenchmarkGraph(b *testing.B) {
	g := benchGraph()
	page := func(q links.Question, first int) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			var out []links.Linked
			for b.Loop() {
				out = g.Page(q, 0, first, out[:0])
			}
			b.ReportMetric(float64(len(out)), "identities")
		}
	}
	effective := func(of int64) links.Question {
		return links.Question{Of: of, Effective: true, Kind: links.User, Status: links.Active}
	}
	b.Run("calibration: mark 1000 places", func(b *testing.B) {
		places, seen := make([]int32, 1000), make([]uint64, (benchUsers+benchGroups)/64+1)
		for i := range places {
			places[i] = rand.Int32N(benchUsers + benchGroups)
		}
		for b.Loop() {
			clear(seen)
			for _, p := range places {
				seen[p>>6] |= 1 << (p & 63)
			}
		}
	})
	b.Run("chain of 1000 effective members", page(effective(chainTop), 1000))
	b.Run("diamond", page(effective(diamondTop), 1000))
	b.Run("50000 effective members", page(effective(hugeGroup), 0))
	b.Run("count of 50000", func(b *testing.B) {
		for b.Loop() {
			g.Count(effective(hugeGroup))
		}
	})
	b.Run("principals", page(links.Question{Of: 77, Up: true, Effective: true, Status: links.Active}, 0))
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		member := g.Page(effective(chainTop+7), 0, 1, nil)[0].ID
		var out []int64
		for b.Loop() {
			out = g.Path(member, chainTop, nil, out[:0])
		}
		b.ReportMetric(float64(len(out)), "identities")
	})
	b.Run("one changed link", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			e := g.Edit()
			e.Link(firstRegular+int64(i%1000), int64(i%benchUsers)+1)
			g = e.Graph()
		}
	})
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			benchGraph()
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		held := benchGraph()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB")
		runtime.KeepAlive(held)
	})
}
