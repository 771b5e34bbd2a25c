package syncer

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// maxRestarts bounds how often a round begins anew because the source has forgotten where it was.
const maxRestarts = 10

// round is the work on one run: read, settle, plan, guard, apply. Every step leaves the store in a state from which the
// work goes on, here or elsewhere.
type round struct {
	s        *Service
	c        *Claimed
	log      *slog.Logger
	instance *directory.Instance
	rules    *rules
	source   connector.Source
	full     bool
	// seq numbers what is told.
	seq int64
}

// run does what there is left to do of the run.
func (r *round) run(ctx context.Context) error {
	if ok, err := r.prepare(ctx); !ok || err != nil {
		return err
	}
	if r.c.EndState == nil {
		if err := r.read(ctx); err != nil {
			return err
		}
	}
	if err := r.s.store.EndReading(ctx, r.c.Lease); err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	size, err := r.s.store.Plan(ctx, r.c.Lease)
	if err != nil {
		return err
	}
	if ok, err := r.decide(ctx, size); !ok || err != nil {
		return err
	}
	if err := r.apply(ctx, size); err != nil {
		return err
	}
	return r.finish(ctx, Finish{Status: Complete, Advance: true})
}

// prepare looks at the instance and opens its source. It reports false where the run has ended with that.
func (r *round) prepare(ctx context.Context) (bool, error) {
	instances, err := r.s.store.InstancesByID(ctx, []int64{r.c.InstanceID})
	if err != nil {
		return false, err
	}
	r.instance = instances[0]
	if r.instance == nil || !r.instance.Live() {
		return false, r.finish(ctx, Finish{Status: Cancelled, Reason: "The instance or its provider was disabled or deleted."})
	}
	r.full = r.c.Full != nil && *r.c.Full
	if r.rules, err = rulesOf(r.instance); err != nil {
		return false, &connector.Error{Code: connector.Misconfigured, Message: directory.AsError(err).Message, Cause: err}
	}
	r.source, err = r.s.open(ctx, r.instance)
	return err == nil, err
}

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
		ended := false
		keep := newKeeper(ctx, r)
		defer keep.close() // also where the connector panics
		err := r.source.Read(ctx, from, func(_ context.Context, page connector.Page) error {
			ended = page.End != nil
			return keep.page(r.staged(page))
		})
		if kept := keep.close(); kept != nil {
			err = kept
		}
		if source := connector.AsError(err); source != nil && source.Code == connector.StateExpired && restarts < maxRestarts {
			r.log.Info("the source has forgotten where the round was; a full round begins", "reason", source.Message)
			r.full, from = true, connector.From{}
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

// begin begins a round.
func (r *round) begin(ctx context.Context, from *connector.From) error {
	from.Resume = nil
	return r.s.store.BeginRound(ctx, r.c.Lease, r.full, from.State)
}

// keeper keeps pages in their order, while the source is asked for the next one.
type keeper struct {
	pages chan StagedPage
	done  chan struct{}
	err   error // once done is closed
	once  sync.Once
}

func newKeeper(ctx context.Context, r *round) *keeper {
	k := &keeper{pages: make(chan StagedPage, 1), done: make(chan struct{})}
	go func() {
		defer close(k.done)
		for page := range k.pages {
			if k.err = r.s.store.StageMore(ctx, r.c.Lease, page); k.err != nil {
				return
			}
			r.s.counters.staged(r.instance.Provider.Type, page)
		}
	}()
	return k
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
	k.once.Do(func() { close(k.pages) })
	<-k.done
	return k.err
}

// staged is a page as it is kept.
func (r *round) staged(page connector.Page) StagedPage {
	out := StagedPage{Resume: page.Resume, End: page.End}
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

// settleAtOnce is how many identities are settled in one transaction.
const settleAtOnce = 500

// settle makes one whole row of all that was told of each identity.
func (r *round) settle(ctx context.Context) error {
	afterKind, afterKey := "", ""
	for {
		told, err := r.s.store.Unsettled(ctx, r.c.Lease, afterKind, afterKey, settleAtOnce)
		if err != nil || len(told) == 0 {
			return err
		}
		base, err := r.known(ctx, told)
		if err != nil {
			return err
		}
		var rows []Staged
		var links []StagedLink
		for len(told) > 0 {
			n := 1
			for n < len(told) && told[n].Kind == told[0].Kind && told[n].Key == told[0].Key {
				n++
			}
			row, more, err := r.settleOne(ctx, told[:n], base[told[0].Key])
			if err != nil {
				return err
			}
			rows, links = append(rows, row), append(links, more...)
			afterKind, afterKey = string(told[0].Kind), told[0].Key
			told = told[n:]
		}
		if err := r.s.store.Settle(ctx, r.c.Lease, rows, links); err != nil {
			return err
		}
	}
}

// known finds what is stored of identities; in a full round nothing counts that it did not tell.
func (r *round) known(ctx context.Context, told []Staged) (map[string]*directory.Record, error) {
	out := map[string]*directory.Record{}
	if r.full {
		return out, nil
	}
	keys := map[directory.IdentityKind][]string{}
	for _, t := range told {
		if list := keys[t.Kind]; len(list) == 0 || list[len(list)-1] != t.Key {
			keys[t.Kind] = append(list, t.Key)
		}
	}
	for kind, list := range keys {
		records, err := r.s.store.ByExternalIDs(ctx, r.instance.ID, kind, list)
		if err != nil {
			return nil, err
		}
		for i, record := range records {
			if record != nil {
				out[list[i]] = record
			}
		}
	}
	return out, nil
}

// settleOne makes one row of what was told of one identity, in its order, over what is known of it. Where the source told
// a part of somebody who is not known, it is asked for the rest.
func (r *round) settleOne(ctx context.Context, told []Staged, known *directory.Record) (Staged, []StagedLink, error) {
	var o object
	if known != nil {
		o = objectOf(known)
	}
	last := told[len(told)-1]
	id := connector.Identity{Kind: last.Kind, Key: last.Key, Removal: last.Removal}
	for _, t := range told {
		switch {
		case t.Removal != connector.Present:
		case t.Patch != nil:
			o = merge(o, t.Patch)
		case t.Record != nil:
			o = merge(o, objectOf(t.Record))
		}
		id.PartialLinks = id.PartialLinks || t.PartialLinks
	}
	var links []StagedLink
	if id.Removal == connector.Present && known == nil && !r.full && text(o[nameOf(id.Kind)]) == "" {
		page, err := r.source.Lookup(ctx, id.Kind, id.Key, "")
		if err != nil {
			return Staged{}, nil, err
		}
		if page == nil { // it has gone in the meantime, which the next round tells
			return Staged{Kind: id.Kind, Key: id.Key}, nil, nil
		}
		for _, found := range page.Identities {
			o = merge(o, found.Attributes)
		}
		for i, link := range page.Links {
			links = append(links, StagedLink{Seq: last.Seq<<8 + int64(i), Link: link})
		}
	}
	if o == nil {
		o = object{}
	}
	return r.rules.stage(last.Seq, id, maps.Clone(o)), links, nil
}

// decide looks at a plan before it is applied. It reports false where the run has ended with that.
func (r *round) decide(ctx context.Context, size PlanSize) (bool, error) {
	if !r.c.DryRun && r.c.ApprovedHash == nil {
		doubt := ""
		if !r.c.First && r.c.Created+r.c.Updated+r.c.Disabled+r.c.Deleted+r.c.Linked+r.c.Unlinked == 0 {
			doubt = suspicion(r.instance, size)
		}
		if doubt == "" {
			return true, nil
		}
		hash, err := r.keepPlan(ctx)
		if err != nil {
			return false, err
		}
		return false, r.quarantine(ctx, hash, doubt)
	}
	if r.c.ApprovedHash != nil && r.c.Created+r.c.Updated+r.c.Disabled+r.c.Deleted+r.c.Linked+r.c.Unlinked > 0 {
		return true, nil // a part of the approved plan is applied; this is the rest
	}
	hash, err := r.keepPlan(ctx)
	switch {
	case err != nil:
		return false, err
	case r.c.DryRun:
		return false, r.finish(ctx, Finish{Status: Planned, PlanHash: &hash})
	case hash != *r.c.ApprovedHash:
		return false, r.quarantine(ctx, hash, "The source or the directory has changed since the plan was approved. Look at the planned changes as they are now, then approve or reject them.")
	}
	return true, nil
}

func (r *round) quarantine(ctx context.Context, hash, why string) error {
	hold := directory.StateQuarantined
	r.log.Warn("a synchronization waits for approval", "reason", why)
	return r.finish(ctx, Finish{Status: Quarantined, Reason: why, PlanHash: &hash, Hold: &hold, HoldReason: why})
}

func (r *round) finish(ctx context.Context, f Finish) error {
	return r.s.store.Finish(ctx, r.c.Lease, f)
}

func uids(ids ...uuid.UUID) []uuid.UUID { return ids }

// failedInARow says why an instance is quarantined for its failures.
func failedInARow(n int, reason string, next time.Duration) string {
	when := "There is no schedule, so that nothing is tried until somebody starts a run."
	if next > 0 {
		when = fmt.Sprintf("The next attempt is in about %s.", next.Round(time.Second))
	}
	return fmt.Sprintf("%d runs failed in a row. The last one: %s %s", n, reason, when)
}
