package audit

import (
	"context"
	"fmt"
	"time"
)

// SealedEvent is a link of the chain.
type SealedEvent struct {
	Mark
	// ID is the event that was sealed. Event is nil where it is not there any more.
	ID    int64
	Event *Event
}

// Reader reads one state of the trail.
type Reader interface {
	// AuditChain returns the ends of the chain.
	AuditChain(ctx context.Context) (Chain, error)
	// SealedEvents lists the links of the chain after a number, in order.
	SealedEvents(ctx context.Context, after int64, limit int) ([]SealedEvent, error)
	// Unsealed counts the events that are not in the chain, and says when the oldest of them was written.
	Unsealed(ctx context.Context) (count int, oldest time.Time, err error)
}

// Report is what [Verify] found.
type Report struct {
	// Sealed counts the events whose seals fit.
	Sealed int64 `json:"sealed"`
	Anchor Mark  `json:"anchor"`
	Head   Mark  `json:"head"`
	// Unsealed counts the events that are not in the chain yet; the oldest has waited for UnsealedFor.
	Unsealed    int           `json:"unsealed"`
	UnsealedFor time.Duration `json:"unsealedForNanoseconds"`
	// Broken is the first place where the chain does not hold; nil where it does.
	Broken *Broken `json:"broken,omitempty"`
}

// Broken is a place where the chain does not hold.
type Broken struct {
	// Seq is the number of the seal, and ID the event that it seals; 0 where there is none.
	Seq     int64  `json:"seq"`
	ID      int64  `json:"id,omitempty"`
	Problem string `json:"problem"`
}

// verifyAtOnce is how many links are held in memory.
const verifyAtOnce = 2000

// Verify recomputes the chain, and stops at the first place where it does not hold. A mark that was noted earlier, where it
// is given, has to be a part of it: this finds out that the whole chain was written anew.
func Verify(ctx context.Context, r Reader, noted *Mark) (Report, error) {
	chain, err := r.AuditChain(ctx)
	if err != nil {
		return Report{}, err
	}
	report := Report{Anchor: chain.Anchor, Head: chain.Head}
	count, oldest, err := r.Unsealed(ctx)
	if err != nil {
		return report, err
	}
	if report.Unsealed = count; count > 0 {
		report.UnsealedFor = max(0, time.Since(oldest))
	}
	at := chain.Anchor
	if noted != nil {
		if report.Broken = noted.against(at, chain); report.Broken != nil {
			return report, nil
		}
	}
	for {
		links, err := r.SealedEvents(ctx, at.Seq, verifyAtOnce)
		if err != nil {
			return report, err
		}
		for i := range links {
			link := &links[i]
			if report.Broken = link.after(at); report.Broken != nil {
				return report, nil
			}
			at = link.Mark
			if noted != nil && noted.Seq == at.Seq && noted.Hash != at.Hash {
				report.Broken = &Broken{at.Seq, link.ID, "this seal is not the one that was noted: the chain was written anew"}
				return report, nil
			}
			report.Sealed++
		}
		if len(links) < verifyAtOnce {
			break
		}
	}
	switch {
	case at.Seq < chain.Head.Seq:
		report.Broken = &Broken{at.Seq + 1, 0, fmt.Sprintf("the chain ends before this seal, and was sealed up to number %d: its end was cut off", chain.Head.Seq)}
	case at != chain.Head:
		report.Broken = &Broken{at.Seq, 0, fmt.Sprintf("the chain ends here, and its head is number %d with another hash", chain.Head.Seq)}
	}
	return report, nil
}

// against says what is wrong about a noted mark that no link of the chain will be compared with.
func (m Mark) against(anchor Mark, chain Chain) *Broken {
	switch {
	case m.Seq > chain.Head.Seq:
		return &Broken{m.Seq, 0, fmt.Sprintf("this seal was noted, but the chain ends at number %d: its end was cut off", chain.Head.Seq)}
	case m.Seq < anchor.Seq:
		return &Broken{m.Seq, 0, fmt.Sprintf("retention has deleted up to number %d, this seal with it: note a later one", anchor.Seq)}
	case m.Seq == anchor.Seq && m.Hash != anchor.Hash:
		return &Broken{m.Seq, 0, "this seal is not the one that was noted: the chain was written anew"}
	}
	return nil
}

// after says what is wrong about a link that follows a mark.
func (l *SealedEvent) after(at Mark) *Broken {
	switch {
	case l.Seq != at.Seq+1:
		return &Broken{at.Seq + 1, 0, fmt.Sprintf("the seals from here to number %d are missing", l.Seq-1)}
	case l.Event == nil:
		return &Broken{l.Seq, l.ID, "the event that was sealed here is missing"}
	case l.Event.Seal(at.Hash) != l.Hash:
		return &Broken{l.Seq, l.ID, "the event does not fit its seal: it was changed, or events were inserted, removed or put in another order before it"}
	}
	return nil
}
