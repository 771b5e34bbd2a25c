package store

import (
	"context"
	"time"
)

// placeWait is how long a request waits for a connection where all are in use. One that waits longer only makes the
// queue longer.
const placeWait = time.Second

// places bounds how many statements and transactions of requests are under way. There is one less than there are
// connections: whatever requests do, the replica finds one to follow the change log.
type places chan struct{}

func newPlaces(conns int) places { return make(places, max(1, conns-1)) }

// take waits for a place. Who has no deadline is no request, and waits for as long as it takes.
func (p places) take(ctx context.Context) error {
	select {
	case p <- struct{}{}:
		return nil
	default:
	}
	var over <-chan time.Time
	if _, request := ctx.Deadline(); request {
		limit := time.NewTimer(placeWait)
		defer limit.Stop()
		over = limit.C
	}
	select {
	case p <- struct{}{}:
		return nil
	case <-over:
		return unavailable("Every connection to the database is in use. Try again in a moment.", nil)
	case <-ctx.Done():
		return mapError(ctx, ctx.Err())
	}
}

func (p places) leave() { <-p }
