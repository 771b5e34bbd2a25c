package syncer

import (
	"context"
	"maps"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// settleAtOnce is how many identities are settled in one transaction.
const settleAtOnce = 500

// settle makes one whole row of all that was told of each identity.
func (r *round) settle(ctx context.Context) error {
	// What is looked up now was told after all else, also where an earlier replica has looked some of it up.
	r.seq = time.Now().UnixNano()
	if err := r.tryAgain(ctx); err != nil {
		return err
	}
	afterKind, afterKey := "", ""
	for {
		told, err := r.s.store.Unsettled(ctx, r.c.Lease, afterKind, afterKey, settleAtOnce)
		if err != nil || len(told) == 0 {
			return err
		}
		known := map[IdentityRef]*directory.Record{}
		if !r.full { // in a full round nothing counts that it did not tell
			keys := make([]IdentityRef, len(told))
			for i, t := range told {
				keys[i] = IdentityRef{t.Kind, t.Key}
			}
			if known, err = r.stored(ctx, keys); err != nil {
				return err
			}
		}
		var rows []Staged
		var links []StagedLink
		for len(told) > 0 {
			n := 1
			for n < len(told) && told[n].Kind == told[0].Kind && told[n].Key == told[0].Key {
				n++
			}
			row, more, err := r.settleOne(ctx, told[:n], known[IdentityRef{told[0].Kind, told[0].Key}])
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

// triedAgain bounds how many the source is asked for again in one round, and triedInVain how many of them it may not answer.
const (
	triedAgain  = 500
	triedInVain = 3
)

// tryAgain asks the source for those whose names others had in the last run. A differential round tells of them only where
// they have changed, and it may be the others who have: where it tells of nobody, no name has become free.
func (r *round) tryAgain(ctx context.Context) error {
	if r.full { // it tells of everybody
		return nil
	}
	refused, err := r.s.store.Refused(ctx, r.c.Lease, triedAgain)
	if err != nil {
		return err
	}
	inVain := 0
	for _, ref := range refused {
		page, err := r.source.Lookup(ctx, ref.Kind, ref.Key, "")
		if source := connector.AsError(err); source != nil && (source.Code == connector.Unavailable || source.Code == connector.Misconfigured) {
			r.log.Info("the source does not tell of somebody who waits for a name; the next round asks again", "reason", source.Message)
			if inVain++; inVain == triedInVain {
				return nil
			}
			continue
		}
		if err != nil {
			return err
		}
		if page == nil { // it has gone, of which a round tells
			continue
		}
		known, err := r.stored(ctx, []IdentityRef{{ref.Kind, ref.Key}})
		if err != nil {
			return err
		}
		var told []Staged
		for _, found := range page.Identities {
			r.seq++
			told = append(told, r.row(found))
		}
		var links []StagedLink
		for _, link := range page.Links {
			r.seq++
			links = append(links, StagedLink{Seq: r.seq, Link: link})
		}
		if len(told) == 0 {
			continue
		}
		row, _, err := r.settleOne(ctx, told, known[IdentityRef{ref.Kind, ref.Key}])
		if err != nil {
			return err
		}
		if err := r.s.store.Settle(ctx, r.c.Lease, []Staged{row}, links); err != nil {
			return err
		}
	}
	return nil
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
		for _, link := range page.Links {
			r.seq++
			links = append(links, StagedLink{Seq: r.seq, Link: link})
		}
	}
	if o == nil {
		o = object{}
	}
	return r.rules.stage(last.Seq, id, maps.Clone(o)), links, nil
}

// stored finds the identities of the instance by their keys.
func (r *round) stored(ctx context.Context, keys []IdentityRef) (map[IdentityRef]*directory.Record, error) {
	byKind := map[directory.IdentityKind][]string{}
	for _, k := range keys {
		byKind[k.Kind] = append(byKind[k.Kind], k.Key)
	}
	out := make(map[IdentityRef]*directory.Record, len(keys))
	for kind, list := range byKind {
		records, err := r.s.store.ByExternalIDs(ctx, r.instance.ID, kind, list)
		if err != nil {
			return nil, err
		}
		for i, record := range records {
			out[IdentityRef{kind, list[i]}] = record
		}
	}
	return out, nil
}
