package directory

import "context"

// claims are the keys that must be unique among an instance's living and that a partial change set has given out.
type claims struct {
	externalIDs map[string]bool
	names       map[string]bool
	// holders are the users that have a name of the change set now.
	holders map[string]*Record
	// freed holds the ids of users that the change set gives another name.
	freed map[int64]bool
}

// claimKeys prepares a partial change set: whoever comes second to a key is left out, and the others go on (rule R09).
func (p *plan) claimKeys(ctx context.Context) error {
	if !p.changes.Partial {
		return nil
	}
	p.claims = &claims{externalIDs: map[string]bool{}, names: map[string]bool{}, holders: map[string]*Record{}, freed: map[int64]bool{}}
	var keys []string
	for i, put := range p.changes.Put {
		if put.Kind != KindUser || !isLookupKey(put.Name) {
			continue
		}
		keys = append(keys, FoldKey(put.Name))
		if old := p.existing[i]; old != nil && FoldKey(old.Name) != FoldKey(put.Name) {
			p.claims.freed[old.ID] = true
		}
	}
	holders, err := p.d.store.ByUserNames(ctx, p.changes.Instance.ID, keys)
	for i, holder := range holders {
		p.claims.holders[keys[i]] = holder
	}
	return err
}

// claim takes a put's keys, or says which one is taken.
func (c *claims) claim(put Put, old *Record) error {
	if c == nil {
		return nil
	}
	if put.ExternalID != nil {
		key := string(put.Kind) + "/" + *put.ExternalID
		if c.externalIDs[key] {
			return Clash(ReasonUniqueness, "externalId", "The source lists the external id %q twice.", *put.ExternalID)
		}
		c.externalIDs[key] = true
	}
	if put.Kind != KindUser {
		return nil
	}
	key := FoldKey(put.Name)
	holder := c.holders[key]
	if c.names[key] || holder != nil && (old == nil || holder.ID != old.ID) && !c.freed[holder.ID] {
		return Clash(ReasonUniqueness, "userName", "Another user of this provider instance has the userName %q.", put.Name)
	}
	c.names[key] = true
	return nil
}
