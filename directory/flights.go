package directory

import (
	"context"
	"sync"
)

// flights are the records that are being read from the store now: whoever misses one that another operation has asked
// for already waits for its answer. A crowd that comes for somebody who is not in the cache costs one read.
type flights struct {
	mu   sync.Mutex
	byID map[int64]*flight
}

// flight is one read of the store, of all that its operation missed.
type flight struct {
	done  chan struct{}
	found map[int64]*Record
	err   error
}

// read returns the records of ids by id, those that there are. Ids that are under way are waited for; the others are
// read together. What comes of another operation's read must do for enough, else it is read anew: that operation may
// have begun in an older state, or have been given up.
func (f *flights) read(ctx context.Context, ids []int64, fetch func(context.Context, []int64) ([]*Record, error), enough func(*Record) bool) (map[int64]*Record, error) {
	own, joined := f.board(ids)
	defer f.land(own)
	found, err := fetchAll(ctx, own.ids, fetch)
	own.flight.found, own.flight.err = found, err
	f.land(own)
	if err != nil || len(joined) == 0 {
		return found, err
	}
	var again []int64
	out := make(map[int64]*Record, len(ids))
	for id, r := range found {
		out[id] = r
	}
	for id, other := range joined {
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if r := other.found[id]; other.err == nil && r != nil && enough(r) {
			out[id] = r
		} else {
			again = append(again, id)
		}
	}
	rest, err := fetchAll(ctx, again, fetch)
	for id, r := range rest {
		out[id] = r
	}
	return out, err
}

// boarded is a flight with the ids that it is for.
type boarded struct {
	flight *flight
	ids    []int64
}

// board splits ids into those that nobody reads yet, which are the caller's to read, and the flights of the others.
func (f *flights) board(ids []int64) (own boarded, joined map[int64]*flight) {
	own = boarded{flight: &flight{done: make(chan struct{})}, ids: make([]int64, 0, len(ids))}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.byID == nil {
		f.byID = map[int64]*flight{}
	}
	for _, id := range ids {
		switch other := f.byID[id]; {
		case other == nil:
			f.byID[id] = own.flight
			own.ids = append(own.ids, id)
		case other != own.flight: // else it was asked for twice
			if joined == nil {
				joined = map[int64]*flight{}
			}
			joined[id] = other
		}
	}
	return own, joined
}

// land tells who waits that a flight is over; the second time it does nothing.
func (f *flights) land(own boarded) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-own.flight.done:
		return
	default:
	}
	for _, id := range own.ids {
		delete(f.byID, id)
	}
	close(own.flight.done)
}

func fetchAll(ctx context.Context, ids []int64, fetch func(context.Context, []int64) ([]*Record, error)) (map[int64]*Record, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	records, err := fetch(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]*Record, len(records))
	for _, r := range records {
		if r != nil {
			out[r.ID] = r
		}
	}
	return out, nil
}
