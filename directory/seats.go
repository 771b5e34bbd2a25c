package directory

import (
	"sync"
	"sync/atomic"
)

// seats finds records by id with one look at memory, where ids that lie together are found together. The tables of the
// cache take a lock and several looks each time, which is most of what a long list would cost. The zero value is empty.
type seats struct {
	grow  sync.Mutex
	pages atomic.Pointer[[]*seatPage]
}

const (
	seatBits = 9
	// maxSeat bounds the ids that have seats: the list of pages takes a byte for each 64 of them.
	maxSeat = 1 << 28
)

type seatPage [1 << seatBits]atomic.Pointer[Record]

// at returns the seat of an id, nil where it has none yet.
func (s *seats) at(id int64) *atomic.Pointer[Record] {
	pages := s.pages.Load()
	if pages == nil || uint64(id)>>seatBits >= uint64(len(*pages)) {
		return nil
	}
	page := (*pages)[id>>seatBits]
	if page == nil {
		return nil
	}
	return &page[id&(1<<seatBits-1)]
}

// take gives a record its seat.
func (s *seats) take(r *Record) {
	if r.ID < 0 || r.ID >= maxSeat {
		return
	}
	seat := s.at(r.ID)
	if seat == nil {
		seat = s.add(r.ID)
	}
	seat.Store(r)
}

// add makes the seats around an id.
func (s *seats) add(id int64) *atomic.Pointer[Record] {
	s.grow.Lock()
	defer s.grow.Unlock()
	if seat := s.at(id); seat != nil {
		return seat
	}
	var pages []*seatPage
	if old := s.pages.Load(); old != nil {
		pages = *old
	}
	grown := make([]*seatPage, max(len(pages), int(id>>seatBits)+1))
	copy(grown, pages)
	grown[id>>seatBits] = new(seatPage)
	s.pages.Store(&grown)
	return s.at(id)
}

// leave takes a record off its seat, unless another one has taken it.
func (s *seats) leave(r *Record) {
	if seat := s.at(r.ID); seat != nil {
		seat.CompareAndSwap(r, nil)
	}
}
