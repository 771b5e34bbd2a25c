package directory

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// maxPlans bounds how often a change set is planned anew because a row changed between plan and commit.
const maxPlans = 5

// Apply commits a change set whole, or fails and leaves nothing behind. What a caller may see is an *[Error].
//
// The plan is made from rows that are read without locks and holds only if they are still the same when it commits;
// where they are not, it is made again, unless the caller named the version that it wants to change.
func (d *Directory) Apply(ctx context.Context, c Changes) (*Result, error) {
	for try := 1; ; try++ {
		p := &plan{d: d, changes: c}
		err := p.make(ctx)
		if err != nil {
			return nil, err
		}
		result, err := p.commit(ctx)
		if HasReason(err, ReasonStale) && try < maxPlans && !c.namesVersions() {
			continue
		}
		return result, err
	}
}

func (c *Changes) namesVersions() bool {
	return slices.ContainsFunc(c.Put, func(p Put) bool { return p.IfVersion != 0 }) ||
		slices.ContainsFunc(c.Delete, func(d Delete) bool { return d.IfVersion != 0 }) ||
		slices.ContainsFunc(c.Members, func(m MemberChange) bool { return m.IfVersion != 0 })
}

// plan turns a change set into a batch.
type plan struct {
	d        *Directory
	changes  Changes
	existing []*Record // for each put, the row that it changes
	batch    Batch
	// at says for each put where its row will be found: in the batch's updates, its inserts, or nowhere.
	at       []place
	deleted  []*Record // for each tombstone, the row that it is made of
	failures []PutFailure
	claims   *claims
}

type place struct {
	update, insert int     // 1-based; 0 is none
	old            *Record // of an update
	unchanged      *Record
}

func (p *plan) make(ctx context.Context) error {
	c := &p.changes
	p.batch = Batch{RefuseUnknown: c.RefuseUnknownMembers, Members: c.Members, Managers: c.Managers}
	if c.Instance != nil {
		p.batch.Within = c.Instance.ID
	}
	if err := p.findExisting(ctx); err != nil {
		return err
	}
	if err := p.claimKeys(ctx); err != nil {
		return err
	}
	p.at = make([]place, len(c.Put))
	for _, i := range p.order() {
		if err := p.put(i); err != nil {
			e := AsError(err)
			if !c.Partial || e.Code == CodeInternal {
				return err
			}
			p.failures = append(p.failures, PutFailure{Index: i, Err: e})
		}
	}
	if err := p.deletions(ctx); err != nil {
		return err
	}
	p.fence()
	return nil
}

// fence tells a run what its change set does.
func (p *plan) fence() {
	if p.changes.Fence == nil {
		return
	}
	f := Fence{Run: p.changes.Fence.Run, Number: p.changes.Fence.Number, UID: p.changes.Fence.UID, Created: len(p.batch.Inserts), Deleted: len(p.batch.Tombstones)}
	for _, u := range p.batch.Updates {
		if slices.Contains(u.Kinds, IdentityDisabled) {
			f.Disabled++
		} else {
			f.Updated++
		}
		f.Properties += u.Properties
	}
	p.batch.Fence = &f
}

// order is the order in which puts get their names: by external id, so that the lowest keeps the plain one.
func (p *plan) order() []int {
	order := make([]int, len(p.changes.Put))
	for i := range order {
		order[i] = i
	}
	key := func(i int) string {
		if id := p.changes.Put[i].ExternalID; id != nil {
			return *id
		}
		return ""
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(key(a), key(b)) })
	return order
}

// findExisting reads the rows that the puts change, in at most one statement for each kind of key.
func (p *plan) findExisting(ctx context.Context) error {
	puts := p.changes.Put
	p.existing = make([]*Record, len(puts))
	var uids []uuid.UUID
	byKind := map[IdentityKind][]string{}
	for _, put := range puts {
		switch {
		case put.New:
		case put.UID != uuid.Nil:
			uids = append(uids, put.UID)
		case put.ExternalID != nil && isLookupKey(*put.ExternalID):
			byKind[put.Kind] = append(byKind[put.Kind], *put.ExternalID)
		}
	}
	found := map[string]*Record{}
	if len(uids) > 0 {
		records, err := p.d.store.ByUIDs(ctx, uids)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r != nil && r.Status != StatusDeleted && r.InstanceID == p.changes.Instance.ID {
				found[r.UID.String()] = r
			}
		}
	}
	for kind, ids := range byKind {
		records, err := p.d.store.ByExternalIDs(ctx, p.changes.Instance.ID, kind, ids)
		if err != nil {
			return err
		}
		for i, r := range records {
			found[string(kind)+"/"+ids[i]] = r
		}
	}
	for i, put := range puts {
		switch {
		case put.New:
		case put.UID != uuid.Nil:
			p.existing[i] = found[put.UID.String()]
		case put.ExternalID != nil:
			p.existing[i] = found[string(put.Kind)+"/"+*put.ExternalID]
		}
	}
	return nil
}

// put plans one identity.
func (p *plan) put(i int) error {
	put := p.changes.Put[i]
	if err := put.check(); err != nil {
		return err
	}
	old := p.existing[i]
	if err := p.claims.claim(put, old); err != nil {
		return err
	}
	if old == nil {
		if !put.New && put.UID != uuid.Nil {
			return NotFound("", "There is no %s with the id %s.", strings.ToLower(string(put.Kind)), put.UID)
		}
		return p.insert(i, put)
	}
	if put.IfVersion != 0 && put.IfVersion != old.Version {
		return Clash(ReasonStale, "", "Somebody else changed this identity in the meantime. Read it again and repeat the change.")
	}
	return p.update(i, put, old)
}

func (p *plan) insert(i int, put Put) error {
	if put.UID == uuid.Nil {
		put.UID = newUID()
	}
	record, err := put.record(p.changes.Instance.ID)
	if err != nil {
		return err
	}
	p.batch.Inserts = append(p.batch.Inserts, Insert{
		Record: record, FQNs: p.candidates(record), MergeWithHolder: p.merges(put.Kind),
	})
	if len(put.Unique) > 0 {
		p.batch.Unique = append(p.batch.Unique, UniqueWrite{UID: record.UID, Kind: record.Kind, Values: put.Unique})
	}
	p.at[i] = place{insert: len(p.batch.Inserts)}
	return nil
}

func (p *plan) candidates(r Record) []string {
	seed := r.UID.String()
	if r.ExternalID != nil {
		seed = *r.ExternalID
	}
	return fqnCandidates(p.changes.Instance.PlainFQN(r.Kind, r.Name), seed)
}

// merges reports whether a group that finds its name taken is merged into the one that holds it (rule R07).
func (p *plan) merges(kind IdentityKind) bool {
	i := p.changes.Instance
	return kind == KindGroup && i.DuplicateNames == Merge && i.Provider.Type != TypeSCIM
}

func (p *plan) update(i int, put Put, old *Record) error {
	record, err := put.record(old.InstanceID)
	if err != nil {
		return err
	}
	record.ID, record.UID, record.FQN, record.MergedInto = old.ID, old.UID, old.FQN, old.MergedInto
	record.Version, record.CreatedAt, record.UpdatedAt, record.SyncedAt = old.Version, old.CreatedAt, old.UpdatedAt, old.SyncedAt
	kinds := changeKinds(old, &record)
	if len(kinds) == 0 {
		p.at[i] = place{unchanged: old}
		return nil
	}
	u := Update{Record: record, Kinds: kinds, Properties: len(ChangedProperties(old, &record))}
	if old.Name != record.Name {
		u.FQNs, u.MergeWithHolder = p.candidates(record), p.merges(record.Kind)
		if FoldKey(old.Name) != FoldKey(record.Name) {
			p.keepOldName(&u, old)
		}
	}
	p.batch.Updates = append(p.batch.Updates, u)
	if put.Unique != nil {
		p.batch.Unique = append(p.batch.Unique, UniqueWrite{UID: record.UID, Kind: record.Kind, Values: put.Unique})
	}
	p.at[i] = place{update: len(p.batch.Updates), old: old}
	return nil
}

// keepOldName decides what becomes of the name that a renamed identity had (rules R08 and R09).
func (p *plan) keepOldName(u *Update, old *Record) {
	if u.Record.Kind != KindGroup || p.changes.Instance.Renames != DisableOld {
		u.Alias = old.FQN
		return
	}
	reason := "renamed to " + u.Record.Name
	p.batch.Inserts = append(p.batch.Inserts, Insert{
		Record: Record{
			UID: newUID(), Kind: KindGroup, InstanceID: old.InstanceID, Name: old.Name, DisplayName: old.DisplayName,
			Status: StatusDisabled, StatusReason: &reason,
		},
		FQNs: fqnCandidates(old.FQN, old.UID.String()),
	})
}

// changeKinds names the differences between two states of an identity; none means that nothing changed.
func changeKinds(old, now *Record) []ChangeKind {
	var kinds []ChangeKind
	if old.Name != now.Name {
		kinds = append(kinds, IdentityRenamed)
	}
	if old.Status != now.Status {
		if now.Status == StatusActive {
			kinds = append(kinds, IdentityEnabled)
		} else {
			kinds = append(kinds, IdentityDisabled)
		}
	}
	if old.DisplayName != now.DisplayName || !reflect.DeepEqual(old.Description, now.Description) ||
		!reflect.DeepEqual(old.Email, now.Email) || !reflect.DeepEqual(old.ExternalID, now.ExternalID) ||
		!reflect.DeepEqual(old.StatusReason, now.StatusReason) || !old.Attrs.Equal(now.Attrs) {
		kinds = append(kinds, IdentityUpdated)
	}
	return kinds
}

// ChangedProperties names what differs between two states of an identity: its columns and its attributes.
func ChangedProperties(old, now *Record) []string {
	names := []string{}
	note := func(name string, differs bool) {
		if differs {
			names = append(names, name)
		}
	}
	note(nameField[now.Kind], old.Name != now.Name)
	note("status", old.Status != now.Status)
	note("displayName", old.DisplayName != now.DisplayName && now.Kind == KindUser)
	note("description", !reflect.DeepEqual(old.Description, now.Description))
	note("email", !reflect.DeepEqual(old.Email, now.Email))
	if old.Attrs.JSON() != now.Attrs.JSON() {
		was, is := old.Attrs.Set(), now.Attrs.Set()
		for name := range is {
			note(name, !reflect.DeepEqual(was[name], is[name]))
		}
		for name := range was {
			if _, there := is[name]; !there {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// deletions plans the tombstones. An identity that is not there is an error.
func (p *plan) deletions(ctx context.Context) error {
	if len(p.changes.Delete) == 0 {
		return nil
	}
	uids := make([]uuid.UUID, len(p.changes.Delete))
	for i, del := range p.changes.Delete {
		uids[i] = del.UID
	}
	records, err := p.d.store.ByUIDs(ctx, uids)
	if err != nil {
		return err
	}
	for i, r := range records {
		del := p.changes.Delete[i]
		if r == nil || r.Status == StatusDeleted || r.InstanceID != p.changes.Instance.ID {
			return NotFound("", "There is no identity with the id %s.", del.UID)
		}
		if del.IfVersion != 0 && del.IfVersion != r.Version {
			return Clash(ReasonStale, "", "Somebody else changed this identity in the meantime. Read it again and repeat the deletion.")
		}
		p.deleted = append(p.deleted, r)
		p.batch.Tombstones = append(p.batch.Tombstones, Tombstone{UID: del.UID, Version: del.IfVersion, Reason: del.Reason})
	}
	return nil
}

// commit writes the batch and tells each put where its row went.
func (p *plan) commit(ctx context.Context) (*Result, error) {
	p.batch.Audit = p.audit(ctx)
	done, err := p.d.store.Commit(ctx, p.batch)
	if err != nil {
		return nil, err
	}
	p.d.wake.wakeAll()
	result := &Result{
		Revision: done.Revision, Records: make([]*Record, len(p.at)), Unknown: done.Unknown, Failures: p.failures,
		Linked: done.Linked, Unlinked: done.Unlinked,
	}
	for i, at := range p.at {
		switch {
		case at.insert > 0:
			result.Records[i] = done.Inserted[at.insert-1]
		case at.update > 0:
			result.Records[i] = done.Updated[at.update-1]
		default:
			result.Records[i] = at.unchanged
		}
	}
	return result, nil
}
