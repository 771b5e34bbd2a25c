package plan

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// rootStep reads a field of the operation itself.
type rootStep interface {
	// wants names the identities that the field looks up, so that the fields of an operation share their calls.
	wants(x *execution, l *lookups)
	read(x *execution, l *lookups) rootAnswer
}

// rootAnswer is what a field of the operation came to.
type rootAnswer interface {
	// write appends the answer, or reports false where there is none although the schema demands one.
	write(w *writer, n *name) bool
}

// lookups are the identities that the fields of an operation begin with.
type lookups struct {
	uids, fqns       lookup
	byUID            batch[uuid.UUID]
	byFQN            batch[string]
	uidErr, fqnErr   error
	uidRows, fqnRows []*directory.Record
	// revision is taken before anything is looked up, where a field tells it.
	revision    directory.Revision
	revisionErr error
	toldOf      bool

	// What the batches begin with: most operations look up no more.
	firstUID           [1]uuid.UUID
	firstFQNs          [2]string
	uidPlace, fqnPlace [2]int
}

func (l *lookups) begin() {
	l.byUID = batch[uuid.UUID]{l.firstUID[:0], l.uidPlace[:0]}
	l.byFQN = batch[string]{l.firstFQNs[:0], l.fqnPlace[:0]}
}

// lookup hands out places to the fields, in their order, and then the places' records in the same order.
type lookup struct{ asked, told int }

func (l *lookups) uid(id string) {
	if uid, ok := directory.LookupUID(id); ok {
		l.byUID.add(uid, l.uids.asked)
	}
	l.uids.asked++
}

func (l *lookups) fqn(fqn string) {
	if key, ok := directory.LookupKey(fqn); ok {
		l.byFQN.add(key, l.fqns.asked)
	}
	l.fqns.asked++
}

// found takes the next n records that were looked up by FQN.
func (l *lookups) found(n int) ([]*directory.Record, error) {
	at := l.fqns.told
	l.fqns.told += n
	if l.fqnErr != nil {
		return nil, l.fqnErr
	}
	return l.fqnRows[at : at+n : at+n], nil
}

// foundUID takes the next record that was looked up by its public id.
func (l *lookups) foundUID() ([]*directory.Record, error) {
	at := l.uids.told
	l.uids.told++
	if l.uidErr != nil {
		return nil, l.uidErr
	}
	return l.uidRows[at : at+1 : at+1], nil
}

// roots reads the whole operation.
func (x *execution) roots(p *plan) []rootAnswer {
	l := &x.lookups
	for _, r := range p.roots {
		if r.reads != nil {
			r.reads.wants(x, l)
		}
	}
	if l.toldOf {
		l.revision, l.revisionErr = x.view.Revision(x.ctx)
	}
	l.uidRows, l.uidErr = spread(x.ctx, l.byUID, l.uids.asked, x.source.ByUIDs)
	l.fqnRows, l.fqnErr = spread(x.ctx, l.byFQN, l.fqns.asked, x.source.ByFQNKeys)
	out := make([]rootAnswer, len(p.roots))
	for i, r := range p.roots {
		if r.reads != nil {
			out[i] = r.reads.read(x, l)
		}
	}
	return out
}

// root compiles a field of the operation.
func (c *compiler) root(f graphql.CollectedField) rootStep {
	switch f.Name {
	case "user":
		return &oneByUID{c.people(f.Selections, onlyUser), onlyUser, c.slot(f, decodeText("id"))}
	case "group":
		return &oneByUID{c.people(f.Selections, onlyGroup), onlyGroup, c.slot(f, decodeText("id"))}
	case "identity":
		return &oneByFQN{c.people(f.Selections, anyKind), anyKind, c.slot(f, decodeText("fqn"))}
	case "role":
		return &oneByFQN{c.people(f.Selections, onlyRole), onlyRole, c.slot(f, decodeText("name"))}
	case "identitiesByFqn":
		return &manyByFQN{c.people(f.Selections, anyKind), c.slot(f, decodeFQNs)}
	case "users":
		return &listing{c.connection(f, onlyUser), directory.ListArgs.ForUsers, c.slot(f, decodeUsers)}
	case "groups":
		return &listing{c.connection(f, onlyGroup), directory.ListArgs.ForGroups, c.slot(f, decodeGroups)}
	case "roles":
		return &listing{c.connection(f, onlyRole), directory.ListArgs.ForRoles, c.slot(f, decodeRoles)}
	case "identities":
		return &listing{c.connection(f, anyKind), directory.ListArgs.ForIdentities, c.slot(f, decodeIdentities)}
	case "principals":
		return &principals{c.slot(f, decodeText("fqn"))}
	case "resolve":
		return c.resolve(f)
	case "checkMembership":
		return c.checkMembership(f)
	}
	c.leave()
	return nil
}

// oneByUID is Query.user and Query.group.
type oneByUID struct {
	people *people
	of     kinds
	slot   int
}

func (s *oneByUID) wants(x *execution, l *lookups) { l.uid(x.args[s.slot].(string)) }

func (s *oneByUID) read(x *execution, l *lookups) rootAnswer {
	records, err := l.foundUID()
	if err != nil {
		return one{someone{errs: []error{err}}}
	}
	return one{someone{level: x.level(s.people, only(records, s.of))}}
}

// oneByFQN is Query.identity and Query.role.
type oneByFQN struct {
	people *people
	of     kinds
	slot   int
}

func (s *oneByFQN) wants(x *execution, l *lookups) { l.fqn(x.args[s.slot].(string)) }

func (s *oneByFQN) read(x *execution, l *lookups) rootAnswer {
	records, err := l.found(1)
	if err != nil {
		return one{someone{errs: []error{err}}}
	}
	return one{someone{level: x.level(s.people, only(records, s.of))}}
}

type one struct{ someone someone }

func (o one) write(w *writer, n *name) bool { return o.someone.write(w, n, 0) }

// refused is a field that failed as a whole.
type refused struct{ err error }

func (r refused) write(w *writer, n *name) bool { return w.fail(r.err, n) }

// manyByFQN is Query.identitiesByFqn.
type manyByFQN struct {
	people *people
	slot   int
}

func (s *manyByFQN) wants(x *execution, l *lookups) { wantFQNs(l, x.args[s.slot].([]string)) }

// wantFQNs looks up a batch, unless it is one that is refused.
func wantFQNs(l *lookups, fqns []string) {
	if directory.CheckBatch("fqns", len(fqns)) != nil {
		return
	}
	for _, fqn := range fqns {
		l.fqn(fqn)
	}
}

func (s *manyByFQN) read(x *execution, l *lookups) rootAnswer {
	fqns := x.args[s.slot].([]string)
	if err := directory.CheckBatch("fqns", len(fqns)); err != nil {
		return refused{err}
	}
	records, err := l.found(len(fqns))
	if err != nil {
		return refused{err}
	}
	return many{x.level(s.people, records)}
}

type many struct{ level *level }

func (m many) write(w *writer, _ *name) bool {
	w.out = append(w.out, '[')
	for i := range m.level.records {
		w.between(i)
		w.element(i)
		m.level.writeOptional(w, i)
		w.exit()
	}
	w.out = append(w.out, ']')
	return true
}

// listing is a list of identities: users, groups, roles and identities.
type listing struct {
	conn *connection
	ask  func(directory.ListArgs) (*directory.Listing, error)
	slot int
}

func (*listing) wants(*execution, *lookups) {}

func (s *listing) read(x *execution, _ *lookups) rootAnswer {
	l, err := s.ask(x.args[s.slot].(directory.ListArgs))
	if err != nil {
		return refused{err}
	}
	out := &pages{conn: s.conn, hasPrevious: l.HasPrevious, cursor: l.Cursor, at: make([]page, 1)}
	at := &out.at[0]
	if s.conn.total {
		at.total, at.totalErr = x.view.Total(x.ctx, l)
	}
	if s.conn.rows {
		out.records, at.more, at.rowsErr = x.view.Rows(x.ctx, l)
		at.to = len(out.records)
		out.descend(x)
	}
	return single{out}
}

type single struct{ pages *pages }

func (s single) write(w *writer, n *name) bool { return s.pages.write(w, n, 0) }

// principals is Query.principals.
type principals struct{ slot int }

func (s *principals) wants(x *execution, l *lookups) { l.fqn(x.args[s.slot].(string)) }

func (s *principals) read(x *execution, l *lookups) rootAnswer {
	names, err := s.names(x, l)
	if err != nil {
		return refused{err}
	}
	return namesOnly(names)
}

func (s *principals) names(x *execution, l *lookups) ([]string, error) {
	self, err := l.found(1)
	if err != nil {
		return nil, err
	}
	q, ok := directory.PrincipalsQuery(self[0])
	if !ok {
		return nil, nil
	}
	edges, err := x.source.Edges(x.ctx, []directory.EdgeQuery{q})
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(edges[0]))
	for i, e := range edges[0] {
		ids[i] = e.ID
	}
	var containers []*directory.Record
	if len(ids) > 0 {
		if containers, err = x.source.ByIDs(x.ctx, ids); err != nil {
			return nil, err
		}
	}
	return directory.PrincipalNames(self[0], containers), nil
}

type namesOnly []string

func (n namesOnly) write(w *writer, _ *name) bool {
	w.out = appendStrings(w.out, n)
	return true
}
