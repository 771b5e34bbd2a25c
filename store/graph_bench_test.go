package store_test

import (
	"database/sql"
	"runtime"
	"testing"

	"github.com/roster-gateway/roster/bench/dataset"
	"github.com/roster-gateway/roster/directory/links"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// How long a replica takes to read the whole graph, and what it then holds: of 100,000 users and 500,000 memberships.
func BenchmarkLoadGraph(b *testing.B) {
	url := testpg.New(b)
	db, err := sql.Open("postgres", url)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := dataset.New(1).Load(b.Context(), db); err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), store.Config{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	before := heapInUse()
	var graph *links.Graph
	b.ReportAllocs()
	for b.Loop() {
		graph = nil // a start, not a reload
		if graph, _, err = s.LoadGraph(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((heapInUse()-before)/1e6, "MB-held")
	b.ReportMetric(float64(graph.Edges()), "links")
}

func heapInUse() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
