package directory

import (
	"context"

	"github.com/google/uuid"
)

// View is what one operation reads from, for callers that batch their reads themselves: one state of the directory, where
// it is held in memory. A View must not outlive its operation.
type View struct {
	d      *Directory
	source Source
	scope  *Scope
}

// View returns a view for one operation of Roster's own, which sees everything.
func (d *Directory) View() *View { return d.view(nil) }

// ViewFor returns a view for one operation, narrowed to the scope of its context.
func (d *Directory) ViewFor(ctx context.Context) *View { return d.view(ScopeFrom(ctx)) }

func (d *Directory) view(scope *Scope) *View {
	if d.replica == nil && scope == nil {
		return &View{d: d, source: d.store}
	}
	v := &struct {
		View
		memory
	}{View{d: d, scope: scope}, memory{Source: d.store, directory: d, scope: scope}}
	v.View.source = &v.memory
	return &v.View
}

// Source returns what the view reads from.
func (v *View) Source() Source { return v.source }

// Reader answers the reads of one operation. Reads that run side by side share statements, and what was read once is
// not read again: a Reader must not outlive its operation, and a write makes it stale.
type Reader struct {
	*View

	byID       *loader[int64, *Record]
	byUID      *loader[uuid.UUID, *Record]
	byFQNKey   *loader[string, *Record]
	edges      *loader[EdgeQuery, []Edge]
	edgeCount  *loader[EdgeQuery, int]
	paths      *loader[Pair, []int64]
	managers   *loader[int64, int64]
	reports    *loader[EdgeQuery, []Edge]
	reportSize *loader[int64, int]
	aliases    *loader[int64, []string]
	config     *loader[int64, []*RuntimeConfigEntry]
	instances  *loader[int64, *Instance]
	allOfThem  *loader[struct{}, []*Instance]
}

// Reader returns a reader for one operation of Roster's own, which sees everything.
func (d *Directory) Reader() *Reader { return d.View().reader() }

// ReaderFor returns a reader for one operation, narrowed to the scope of its context.
func (d *Directory) ReaderFor(ctx context.Context) *Reader { return d.ViewFor(ctx).reader() }

func (v *View) reader() *Reader {
	d := v.d
	s := v.source
	r := &Reader{
		View:       v,
		byID:       newLoader(s.ByIDs),
		byUID:      newLoader(s.ByUIDs),
		byFQNKey:   newLoader(s.ByFQNKeys),
		edges:      newLoader(s.Edges),
		edgeCount:  newLoader(s.CountEdges),
		paths:      newLoader(s.Paths),
		managers:   newLoader(s.Managers),
		reports:    newLoader(s.Reports),
		reportSize: newLoader(s.CountReports),
		aliases:    newLoader(s.Aliases),
		config:     newLoader(s.RuntimeConfig),
		instances:  newLoader(s.InstancesByID),
		allOfThem: newLoader(func(ctx context.Context, keys []struct{}) ([][]*Instance, error) {
			all, err := d.store.Instances(ctx)
			return [][]*Instance{all}, err
		}),
	}
	if m, ok := s.(*memory); ok {
		r.byID.instant, r.byUID.instant, r.byFQNKey.instant = m.record, m.recordByUID, m.recordByFQNKey
		r.edges.instant, r.edgeCount.instant, r.paths.instant = m.page, m.count, m.path
		r.instances.instant = m.instance
	}
	return r
}

// ByUID returns the identity with a public id, nil where it is unknown or no id at all.
func (r *Reader) ByUID(ctx context.Context, id string) (Identity, error) {
	uid, ok := LookupUID(id)
	if !ok {
		return nil, nil
	}
	return asIdentity(r.byUID.Load(ctx, uid))
}

// ByID returns the identity with a store key, nil where it is unknown.
func (r *Reader) ByID(ctx context.Context, id int64) (Identity, error) {
	return asIdentity(r.byID.Load(ctx, id))
}

// ByFQN returns the identity that an FQN names: the live one, else the one it is an alias of, else the latest
// tombstone; nil where it is unknown.
func (r *Reader) ByFQN(ctx context.Context, fqn string) (Identity, error) {
	key, ok := LookupKey(fqn)
	if !ok {
		return nil, nil
	}
	return asIdentity(r.byFQNKey.Load(ctx, key))
}

// ByFQNs is ByFQN for a batch, in its order.
func (r *Reader) ByFQNs(ctx context.Context, fqns []string) ([]Identity, error) {
	if err := CheckBatch("fqns", len(fqns)); err != nil {
		return nil, err
	}
	records, err := r.recordsByFQN(ctx, fqns)
	if err != nil {
		return nil, err
	}
	out := make([]Identity, len(fqns))
	for i, record := range records {
		if record != nil {
			out[i] = record.Identity()
		}
	}
	return out, nil
}

// recordsByFQN looks a batch of FQNs up in one statement, with nil for unknown ones.
func (r *Reader) recordsByFQN(ctx context.Context, fqns []string) ([]*Record, error) {
	thunks := make([]func() (*Record, error), len(fqns))
	for i, fqn := range fqns {
		if key, ok := LookupKey(fqn); ok {
			thunks[i] = r.byFQNKey.LoadThunk(ctx, key)
		}
	}
	out := make([]*Record, len(fqns))
	for i, thunk := range thunks {
		if thunk == nil {
			continue
		}
		record, err := thunk()
		if err != nil {
			return nil, err
		}
		out[i] = record
	}
	return out, nil
}

func asIdentity(record *Record, err error) (Identity, error) {
	if err != nil || record == nil {
		return nil, err
	}
	return record.Identity(), nil
}

// Manager returns a user's manager, nil where there is none.
func (r *Reader) Manager(ctx context.Context, user *User) (*User, error) {
	id, err := r.managers.Load(ctx, user.ID)
	if err != nil || id == 0 {
		return nil, err
	}
	manager, err := r.ByID(ctx, id)
	u, _ := manager.(*User)
	return u, err
}

// Aliases lists the former FQNs that still resolve to an identity, oldest first.
func (r *Reader) Aliases(ctx context.Context, identity *Record) ([]string, error) {
	aliases, err := r.aliases.Load(ctx, identity.ID)
	if aliases == nil {
		aliases = []string{}
	}
	return aliases, err
}

// Instance returns a provider instance by its store key, deleted ones too.
func (r *Reader) Instance(ctx context.Context, id int64) (*Instance, error) {
	return r.instances.Load(ctx, id)
}

// InstancesOf lists a provider's instances by name.
func (r *Reader) InstancesOf(ctx context.Context, p *Provider) ([]*Instance, error) {
	all, err := r.allOfThem.Load(ctx, struct{}{})
	if err != nil {
		return nil, err
	}
	out := []*Instance{}
	for _, i := range all {
		if i.Provider.ID == p.ID && r.scope.Has(i.ID) {
			out = append(out, i)
		}
	}
	return out, nil
}

// InstanceNamed returns the instance with a label and a name, nil where there is none. Both are compared without case.
func (r *Reader) InstanceNamed(ctx context.Context, provider, name string) (*Instance, error) {
	instance, err := r.d.Instance(ctx, provider, name)
	if err != nil || instance == nil || !r.scope.Has(instance.ID) {
		return nil, err
	}
	return instance, nil
}

// Providers lists the providers by name; narrowed to a scope, those with an instance in it.
func (r *Reader) Providers(ctx context.Context) ([]*Provider, error) {
	all, err := r.d.Providers(ctx)
	if err != nil || r.scope == nil {
		return all, err
	}
	out := []*Provider{}
	for _, p := range all {
		instances, err := r.InstancesOf(ctx, p)
		if err != nil {
			return nil, err
		}
		if len(instances) > 0 {
			out = append(out, p)
		}
	}
	return out, nil
}

// Provider returns the provider with a label, nil where there is none. Labels are compared without case.
func (r *Reader) Provider(ctx context.Context, name string) (*Provider, error) {
	if r.scope == nil {
		return r.d.Provider(ctx, name)
	}
	seen, err := r.Providers(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range seen {
		if FoldKey(p.Name) == FoldKey(name) {
			return p, nil
		}
	}
	return nil, nil
}
