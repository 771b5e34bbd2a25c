package directory

import (
	"sync"
	"sync/atomic"
)

// seats finds records by id with one look at memory, where ids that lie together are found together. The tables of the
// cache take a lock and several looks each time, which is most of what a long list would cost. Records without a seat are
// found in the tables.
type seats struct {
	grow  sync.Mutex
	pages atomic.Pointer[[]atomic.Pointer[seatPage]]
	// left is how many pages may still be made.
	left int
}

const (
	seatBits = 9
	// maxSeat bounds the ids that have seats: the list of pages takes a byte for each 64 of them.
	maxSeat = 1 << 28
	// seatShare is the part of a cache's memory that its seats may take on top: 1 in seatShare.
	seatShare = 16

	leastPages = 16

	seatPageBytes = 8 << seatBits
)

func newSeats(cacheBytes int64) seats {
	return seats{left: int(max(leastPages, cacheBytes/seatShare/seatPageBytes))}
}

type seatPage [1 << seatBits]atomic.Pointer[Record]

// at returns the seat of an id, nil where it has none yet.
func (s *seats) at(id int64) *atomic.Pointer[Record] {
	pages := s.pages.Load()
	if pages == nil || uint64(id)>>seatBits >= uint64(len(*pages)) {
		return nil
	}
	page := (*pages)[id>>seatBits].Load()
	if page == nil {
		return nil
	}
	return &page[id&(1<<seatBits-1)]
}

// take gives a record its seat, where there is one.
func (s *seats) take(r *Record) {
	if r.ID < 0 || r.ID >= maxSeat {
		return
	}
	seat := s.at(r.ID)
	if seat == nil {
		seat = s.add(r.ID)
	}
	if seat != nil {
		seat.Store(r)
	}
}

// add makes the seats around an id; nil where there may be no more.
func (s *seats) add(id int64) *atomic.Pointer[Record] {
	s.grow.Lock()
	defer s.grow.Unlock()
	if seat := s.at(id); seat != nil || s.left == 0 {
		return seat
	}
	s.left--
	pages := s.pages.Load()
	if page := int(id >> seatBits); pages == nil || page >= len(*pages) {
		grown := make([]atomic.Pointer[seatPage], page+page/2+1)
		if pages != nil {
			for i := range *pages {
				grown[i].Store((*pages)[i].Load())
			}
		}
		pages = &grown
		s.pages.Store(pages)
	}
	(*pages)[id>>seatBits].Store(new(seatPage))
	return s.at(id)
}

// leave takes a record off its seat, unless another one has taken it.
func (s *seats) leave(r *Record) {
	if seat := s.at(r.ID); seat != nil {
		seat.CompareAndSwap(r, nil)
	}
}
