package syncer

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// maxRestarts bounds how often a round begins anew because the source has forgotten where it was.
const maxRestarts = 10

// read reads the source from where the run is to the end of the round.
func (r *round) read(ctx context.Context) error {
	from := connector.From{State: r.c.FromState, Resume: r.c.Resume}
	if r.c.Full == nil {
		r.full = r.c.Mode == ModeFull || len(from.State) == 0
	}
	if r.full {
		from.State = nil
	}
	if r.c.Full == nil {
		if err := r.begin(ctx, &from); err != nil {
			return err
		}
	}
	r.seq = int64(r.c.Pages) << 32
	for restarts := 0; ; restarts++ {
		ended, err := r.readFrom(ctx, from)
		if source := connector.AsError(err); source != nil && source.Code == connector.StateExpired && restarts < maxRestarts {
			r.log.Info("the source has forgotten where the round was; a full round begins", "reason", source.Message)
			r.full, r.seq, from = true, 0, connector.From{}
			if err := r.begin(ctx, &from); err != nil {
				return err
			}
			continue
		}
		if err == nil && !ended {
			err = connector.Errorf(connector.Unavailable, "The source stopped in the middle of a round. Nothing was changed.")
		}
		return err
	}
}

// readFrom reads on to the end of the round, and reports whether the source came to it.
func (r *round) readFrom(ctx context.Context, from connector.From) (ended bool, err error) {
	keep := newKeeper(ctx, r)
	defer func() { // also where the connector panics
		if kept := keep.close(); kept != nil {
			err = kept
		}
	}()
	err = r.source.Read(ctx, from, func(_ context.Context, page connector.Page) error {
		ended = page.End != nil
		return keep.page(r.staged(page))
	})
	return ended, err
}

// begin begins a round.
func (r *round) begin(ctx context.Context, from *connector.From) error {
	from.Resume = nil
	return r.s.store.BeginRound(ctx, r.c.Lease, r.full, from.State)
}

// keeper keeps pages in their order, while the source is asked for the next ones. Pages that come faster than they can be
// kept are kept together, as one.
type keeper struct {
	pages chan StagedPage
	done  chan struct{}
	err   error // once done is closed
}

func newKeeper(ctx context.Context, r *round) *keeper {
	k := &keeper{pages: make(chan StagedPage, maxAhead), done: make(chan struct{})}
	go func() {
		defer close(k.done)
		for page := range k.pages {
			k.join(&page)
			if k.err = r.s.store.StageMore(ctx, r.c.Lease, page); k.err != nil {
				return
			}
			r.s.counters.staged(r.instance.Provider.Type, page)
		}
	}()
	return k
}

// The source is asked for no more than maxAhead pages before they are kept, and about keptAtOnce identities are kept at
// once, or ten times as many links.
const (
	maxAhead   = 8
	keptAtOnce = 5000
)

// join adds to a page those that have come after it.
func (k *keeper) join(page *StagedPage) {
	for len(page.Identities)+len(page.Links)/10 < keptAtOnce {
		select {
		case next, more := <-k.pages:
			if !more {
				return
			}
			page.join(next)
		default:
			return
		}
	}
}

// page hands one page over. It fails where an earlier one could not be kept.
func (k *keeper) page(p StagedPage) error {
	select {
	case k.pages <- p:
		return nil
	case <-k.done:
		return k.err
	}
}

// close waits until all pages are kept, and says why one is not.
func (k *keeper) close() error {
	close(k.pages)
	<-k.done
	return k.err
}

// staged is a page as it is kept.
func (r *round) staged(page connector.Page) StagedPage {
	out := StagedPage{Pages: 1, Resume: page.Resume, End: page.End}
	for _, id := range page.Identities {
		r.seq++
		if problem := unusableKey(id.Key); problem != "" {
			out.Failures = append(out.Failures, Failure{ExternalID: strings.ToValidUTF8(strings.ReplaceAll(id.Key, "\x00", ""), "?"), Code: directory.InvalidValue, Message: problem})
			continue
		}
		out.Identities = append(out.Identities, r.row(id))
	}
	for _, link := range page.Links {
		r.seq++
		if unusableKey(link.OwnerKey) == "" && unusableKey(link.Other.Key+link.Other.Name) == "" {
			out.Links = append(out.Links, StagedLink{Seq: r.seq, Link: link})
		}
	}
	for _, f := range page.Failures {
		out.Failures = append(out.Failures, Failure{ExternalID: f.Key, FQN: optional(f.Name), Code: f.Code, Message: f.Message})
	}
	return out
}

// row is what is kept of an identity that the source tells: in a full round the row to be, in a differential one the
// patch, which means something only together with what is known.
func (r *round) row(id connector.Identity) Staged {
	if r.full || id.Removal != connector.Present {
		s := r.rules.stage(r.seq, id, merge(nil, id.Attributes))
		if s.Problem != nil || clears(id.Attributes) {
			s.Patch = id.Attributes
		}
		return s
	}
	return Staged{Seq: r.seq, Kind: id.Kind, Key: id.Key, Scope: true, PartialLinks: id.PartialLinks, Patch: id.Attributes}
}

// unusableKey says why a key cannot be stored; empty where it can.
func unusableKey(key string) string {
	switch {
	case key == "":
		return "The source tells no id."
	case !utf8.ValidString(key) || strings.ContainsRune(key, 0):
		return "The source's id holds a NUL character or invalid UTF-8, and cannot be stored."
	case len(key) > directory.MaxNameLength:
		return fmt.Sprintf("The source's id is %d bytes long; at most %d are kept.", len(key), directory.MaxNameLength)
	}
	return ""
}
