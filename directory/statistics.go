package directory

import (
	"context"
	"time"
)

// Analyzer is what keeping the database's statistics current needs from storage.
type Analyzer interface {
	// Analyze gathers the statistics of tables that have outgrown them, by the numbers of rows that they have.
	Analyze(ctx context.Context, identities, links int) error
}

const (
	// lookForGrowthEvery is how often a replica looks whether the tables have grown.
	lookForGrowthEvery = time.Second
	// fewRows is how many rows any plan can read whole.
	fewRows = 200
)

// WatchGrowth has the database look at its tables whenever one of them has doubled, until the context ends. Databases do so
// by themselves a minute later or more, and an empty one has plans that read whole tables: a first push would go on by them.
func (d *Directory) WatchGrowth(ctx context.Context, store Analyzer) {
	tick := time.NewTicker(lookForGrowthEvery)
	defer tick.Stop()
	seenIdentities, seenLinks := 0, 0
	for {
		graph := d.replica.current.Load().graph
		identities, links := graph.Len(), graph.Edges()
		if identities >= max(2*seenIdentities, fewRows) || links >= max(2*seenLinks, fewRows) {
			seenIdentities, seenLinks = identities, links
			if err := store.Analyze(ctx, identities, links); err != nil && ctx.Err() == nil {
				d.log.Warn("the database's statistics could not be brought up to date; all is slower until it does so itself", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
