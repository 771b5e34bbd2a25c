package directory

import (
	"context"
	"time"
)

// LinkArgs are what lists of members and containers take. Kind and Status empty mean any kind and only ACTIVE.
type LinkArgs struct {
	PageArgs
	Scope  MembershipScope
	Kind   IdentityKind
	Status []IdentityStatus
}

// Members lists a container's members in id order.
func (r *Reader) Members(container *Record, args LinkArgs) (*MemberConnection, error) {
	return linked(r, args.PageArgs, args.Query(container.ID, Down), ListMembers, func(i Identity) Identity { return i })
}

// MemberOf lists the containers that an identity is in, in id order.
func (r *Reader) MemberOf(identity *Record, args LinkArgs) (*ContainerConnection, error) {
	return linked(r, args.PageArgs, args.Query(identity.ID, Up), ListMemberOf, func(i Identity) Container { return i.(Container) })
}

// MemberCount counts a container's members.
func (r *Reader) MemberCount(ctx context.Context, container *Record, args LinkArgs) (int, error) {
	return r.edgeCount.Load(ctx, args.Query(container.ID, Down))
}

// Reports lists the users whose manager a user is, in id order.
func (r *Reader) Reports(manager *User, args PageArgs) (*UserConnection, error) {
	q, err := args.Within(ListReports, ReportsQuery(manager.ID))
	if err != nil {
		return nil, err
	}
	return NewPage(args.After != nil,
		func(ctx context.Context) ([]PageEdge[*User], bool, error) {
			edges, err := r.reports.Load(ctx, q)
			if err != nil {
				return nil, false, err
			}
			return edgeRows(ctx, r, edges, args, ListReports, func(i Identity) *User { return i.(*User) })
		},
		func(ctx context.Context) (int, error) { return r.reportSize.Load(ctx, manager.ID) }), nil
}

// linked pages through the edges of one identity.
func linked[T any](r *Reader, args PageArgs, count EdgeQuery, name string, as func(Identity) T) (*Page[T], error) {
	q, err := args.Within(name, count)
	if err != nil {
		return nil, err
	}
	return NewPage(args.After != nil,
		func(ctx context.Context) ([]PageEdge[T], bool, error) {
			edges, err := r.edges.Load(ctx, q)
			if err != nil {
				return nil, false, err
			}
			return edgeRows(ctx, r, edges, args, name, as)
		},
		func(ctx context.Context) (int, error) { return r.edgeCount.Load(ctx, count) }), nil
}

// edgeRows turns edges into rows: the records of all pages of an operation are read in one statement.
func edgeRows[T any](ctx context.Context, r *Reader, edges []Edge, args PageArgs, name string, as func(Identity) T) ([]PageEdge[T], bool, error) {
	edges, more := args.Cut(edges)
	ids := make([]int64, len(edges))
	for i, e := range edges {
		ids[i] = e.ID
	}
	records, err := r.byID.LoadAll(ctx, ids)
	if err != nil {
		return nil, false, err
	}
	rows := make([]PageEdge[T], 0, len(edges))
	for i, e := range edges {
		if records[i] == nil { // purged between the two statements
			continue
		}
		rows = append(rows, PageEdge[T]{Cursor: IDCursor(name, e.ID), Node: as(records[i].Identity()), IsDirect: e.Direct})
	}
	return rows, more, nil
}

// ResolutionStatus says what an FQN stands for.
type ResolutionStatus string

// The resolution statuses.
const (
	Resolved           ResolutionStatus = "RESOLVED"
	ResolutionUnknown  ResolutionStatus = "UNKNOWN"
	ResolutionDisabled ResolutionStatus = "DISABLED"
	ResolutionDeleted  ResolutionStatus = "DELETED"
)

// Resolution is the answer to a batch of FQNs.
type Resolution struct {
	Revision Revision
	AsOf     time.Time
	Results  []*ResolvedIdentity
}

// ResolvedIdentity is what one FQN stands for.
type ResolvedIdentity struct {
	FQN    string
	Status ResolutionStatus
	record *Record
}

// Identity is the identity behind the FQN, nil where it is unknown.
func (i *ResolvedIdentity) Identity() Identity {
	if i.record == nil {
		return nil
	}
	return i.record.Identity()
}

// Resolve says what each FQN stands for, in the order of the input.
func (r *Reader) Resolve(ctx context.Context, fqns []string) (*Resolution, error) {
	if err := CheckBatch("fqns", len(fqns)); err != nil {
		return nil, err
	}
	revision, err := r.Revision(ctx) // before the rows are read: the answer reflects at least this
	if err != nil {
		return nil, err
	}
	records, err := r.recordsByFQN(ctx, fqns)
	if err != nil {
		return nil, err
	}
	out := &Resolution{Revision: revision, AsOf: r.d.now().UTC(), Results: make([]*ResolvedIdentity, len(fqns))}
	for i, fqn := range fqns {
		out.Results[i] = &ResolvedIdentity{FQN: fqn, Status: ResolutionOf(records[i]), record: records[i]}
	}
	return out, nil
}

// ResolvedUsers lists the active users behind a resolved FQN: the user itself, or everybody effectively in the
// container.
func (r *Reader) ResolvedUsers(i *ResolvedIdentity, args PageArgs) (*UserConnection, error) {
	behind := UsersBehindOf(i.record)
	if behind.Query != nil {
		return linked(r, args, *behind.Query, ListMembers, func(i Identity) *User { return i.(*User) })
	}
	q, err := args.Within(ListMembers, EdgeQuery{})
	if err != nil {
		return nil, err
	}
	rows := []PageEdge[*User]{}
	total := 0
	if self := behind.Alone; self != nil {
		total = 1
		if self.ID > q.After {
			rows = append(rows, PageEdge[*User]{Cursor: IDCursor(ListMembers, self.ID), Node: &User{Record: *self}})
		}
	}
	return NewPage(args.After != nil,
		func(context.Context) ([]PageEdge[*User], bool, error) { return rows, false, nil },
		func(context.Context) (int, error) { return total, nil }), nil
}

// MembershipCheckInput asks whether a member is in a container, both by FQN.
type MembershipCheckInput struct{ Member, Container string }

// MembershipCheck answers a MembershipCheckInput. Path runs from the member to the container; nil where it is none.
type MembershipCheck struct {
	Member, Container             string
	IsMember                      bool
	MemberStatus, ContainerStatus ResolutionStatus
	path                          []int64
}

// CheckMembership says for each pair whether the member is active and effectively in the container.
func (r *Reader) CheckMembership(ctx context.Context, checks []MembershipCheckInput) ([]*MembershipCheck, error) {
	if err := CheckBatch("checks", len(checks)); err != nil {
		return nil, err
	}
	fqns := make([]string, 0, 2*len(checks))
	for _, c := range checks {
		fqns = append(fqns, c.Member, c.Container)
	}
	records, err := r.recordsByFQN(ctx, fqns)
	if err != nil {
		return nil, err
	}
	out := make([]*MembershipCheck, len(checks))
	thunks := make([]func() ([]int64, error), len(checks))
	for i, c := range checks {
		member, container := records[2*i], records[2*i+1]
		out[i] = &MembershipCheck{
			Member: c.Member, Container: c.Container,
			MemberStatus: ResolutionOf(member), ContainerStatus: ResolutionOf(container),
		}
		if pair, ok := CheckPair(member, container); ok {
			thunks[i] = r.paths.LoadThunk(ctx, pair)
		}
	}
	for i, thunk := range thunks {
		if thunk == nil {
			continue
		}
		if out[i].path, err = thunk(); err != nil {
			return nil, err
		}
		out[i].IsMember = out[i].path != nil
	}
	return out, nil
}

// Path returns the identities of a check's path, nil where there is none.
func (r *Reader) Path(ctx context.Context, c *MembershipCheck) ([]Identity, error) {
	if c.path == nil {
		return nil, nil
	}
	records, err := r.byID.LoadAll(ctx, c.path)
	if err != nil {
		return nil, err
	}
	if err := CheckPath(c.path, records); err != nil {
		return nil, err
	}
	out := make([]Identity, len(records))
	for i, record := range records {
		out[i] = record.Identity()
	}
	return out, nil
}

// HasMember reports whether the identity that an FQN names is an active member of an active container.
func (r *Reader) HasMember(ctx context.Context, container *Record, fqn string, scope MembershipScope) (bool, error) {
	identity, err := r.ByFQN(ctx, fqn)
	if err != nil || identity == nil || !CanHold(identity.Base(), container) {
		return false, err
	}
	member := identity.Base()
	if scope == ScopeDirect {
		edges, err := r.edges.Load(ctx, DirectLink(member.ID, container.ID))
		return IsDirectLink(edges, member.ID), err
	}
	path, err := r.paths.Load(ctx, Pair{Member: member.ID, Container: container.ID})
	return path != nil, err
}

// Principals lists the FQNs of an active identity and of everything that effectively contains it, the identity
// first; empty where the FQN names no active identity.
func (r *Reader) Principals(ctx context.Context, fqn string) ([]string, error) {
	identity, err := r.ByFQN(ctx, fqn)
	if err != nil || identity == nil {
		return []string{}, err
	}
	self := identity.Base()
	q, ok := PrincipalsQuery(self)
	if !ok {
		return []string{}, nil
	}
	edges, err := r.edges.Load(ctx, q)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(edges))
	for i, e := range edges {
		ids[i] = e.ID
	}
	records, err := r.byID.LoadAll(ctx, ids)
	if err != nil {
		return nil, err
	}
	return PrincipalNames(self, records), nil
}
