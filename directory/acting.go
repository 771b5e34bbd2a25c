package directory

import (
	"context"
	"sync"

	"github.com/google/uuid"
)

// ActingBy is what an issuer of tokens knows a user by.
type ActingBy string

// The attributes. Neither is an address: those are not verified.
const (
	ActingByExternalID ActingBy = "externalId"
	ActingByUserName   ActingBy = "userName"
)

// Acting names a user who acts, as an issuer of tokens does.
type Acting struct {
	// Provider and Instance are the label and the name of the instance, in any case.
	Provider, Instance string
	By                 ActingBy
	Value              string
}

// Act finds the user who acts. A user that is not known, not active, or of an instance that is disabled is refused with
// CodeForbidden (rule R02): no source is asked, and nothing else about a user is taken for the name.
func (d *Directory) Act(ctx context.Context, who Acting) (*Record, error) {
	instance, err := d.instanceNow(ctx, who.Provider, who.Instance)
	if err != nil {
		return nil, err
	}
	if instance == nil || !instance.Live() {
		return nil, mayNotAct("is of a provider that is disabled or not there")
	}
	record, err := d.acting.find(ctx, d, instance.ID, who)
	if err != nil {
		return nil, err
	}
	return record, statusToAct(record)
}

// ActStill refuses, as [Directory.Act] does, a user who may act no more, by public id.
func (d *Directory) ActStill(ctx context.Context, uid uuid.UUID) error {
	source := d.View().Source()
	records, err := source.ByUIDs(ctx, []uuid.UUID{uid})
	if err != nil {
		return err
	}
	if err := statusToAct(records[0]); err != nil {
		return err
	}
	instances, err := source.InstancesByID(ctx, []int64{records[0].InstanceID})
	if err != nil {
		return err
	}
	if instances[0] == nil || !instances[0].Live() {
		return mayNotAct("is of a provider that is disabled or not there")
	}
	return nil
}

func statusToAct(record *Record) error {
	switch ResolutionOf(record) {
	case Resolved:
		return nil
	case ResolutionDisabled:
		return mayNotAct("is disabled")
	case ResolutionDeleted:
		return mayNotAct("is deleted")
	}
	return mayNotAct("is not known here: it was never synchronized, or it is deleted")
}

func mayNotAct(why string) error {
	return &Error{Code: CodeForbidden, Message: "The user whom this access token stands for " + why + "."}
}

// instanceNow finds an instance that is not deleted, in memory where it is held there.
func (d *Directory) instanceNow(ctx context.Context, provider, name string) (*Instance, error) {
	if d.replica == nil {
		return d.Instance(ctx, provider, name)
	}
	if err := d.Fresh(ctx); err != nil {
		return nil, err
	}
	instances, err := d.replica.instances.Load().all(ctx, d.store.Instances)
	if err != nil {
		return nil, err
	}
	for _, i := range instances {
		if named(i.Provider.Name, &provider) && named(i.Name, &name) {
			return i, nil
		}
	}
	return nil, nil
}

// maxActing bounds the users whose ids are remembered.
const maxActing = 100_000

// actingIDs remember which id was found for a name. That is a hint and no more: what the state now knows of the identity
// decides whether it still has the name, and a name without a hint is looked up in the store.
type actingIDs struct {
	mu  sync.Mutex
	ids map[actingKey]int64
}

type actingKey struct {
	instance int64
	by       ActingBy
	value    string
}

func (a *actingIDs) find(ctx context.Context, d *Directory, instance int64, who Acting) (*Record, error) {
	if !isLookupKey(who.Value) {
		return nil, nil
	}
	key := actingKey{instance, who.By, who.Value}
	a.mu.Lock()
	id := a.ids[key]
	a.mu.Unlock()
	var gone *Record
	if id != 0 {
		records, err := d.View().Source().ByIDs(ctx, []int64{id})
		if err != nil {
			return nil, err
		}
		if r := records[0]; key.names(r) {
			if r.Status != StatusDeleted {
				return r, nil
			}
			gone = r // unless somebody else has the name by now
		}
	}
	record, err := key.lookUp(ctx, d.store)
	if err != nil || record == nil {
		return gone, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil || len(a.ids) >= maxActing {
		a.ids = map[actingKey]int64{}
	}
	a.ids[key] = record.ID
	return record, nil
}

// names reports whether a record is of the user that the key names. A former name is nobody's: it may be another's
// tomorrow.
func (k actingKey) names(r *Record) bool {
	switch {
	case r == nil || r.Kind != KindUser || r.InstanceID != k.instance:
		return false
	case k.by == ActingByUserName:
		return FoldKey(r.Name) == FoldKey(k.value)
	}
	return r.ExternalID != nil && *r.ExternalID == k.value
}

func (k actingKey) lookUp(ctx context.Context, store Store) (*Record, error) {
	var records []*Record
	var err error
	if k.by == ActingByUserName {
		records, err = store.ByUserNames(ctx, k.instance, []string{FoldKey(k.value)})
	} else {
		records, err = store.ByExternalIDs(ctx, k.instance, KindUser, []string{k.value})
	}
	if err != nil || len(records) == 0 || !k.names(records[0]) {
		return nil, err
	}
	return records[0], nil
}
