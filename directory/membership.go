package directory

import (
	"context"
	"fmt"
	"time"
)

// LinkArgs are what lists of members and containers take. Kind and Status empty mean any kind and only ACTIVE.
type LinkArgs struct {
	PageArgs
	Scope  MembershipScope
	Kind   IdentityKind
	Status []IdentityStatus
}

func (a LinkArgs) query(of int64, way Way) EdgeQuery {
	q := EdgeQuery{Of: of, Way: way, Scope: a.Scope, Kind: a.Kind, Status: Statuses(a.Status...)}
	if q.Scope == "" {
		q.Scope = ScopeDirect
	}
	if a.Status == nil {
		q.Status = OnlyActive
	}
	return q
}

// Members lists a container's members in id order.
func (r *Reader) Members(container *Record, args LinkArgs) (*MemberConnection, error) {
	return linked(r, args, args.query(container.ID, Down), "members", func(i Identity) Identity { return i })
}

// MemberOf lists the containers that an identity is in, in id order.
func (r *Reader) MemberOf(identity *Record, args LinkArgs) (*ContainerConnection, error) {
	return linked(r, args, args.query(identity.ID, Up), "memberOf", func(i Identity) Container { return i.(Container) })
}

// MemberCount counts a container's members.
func (r *Reader) MemberCount(ctx context.Context, container *Record, args LinkArgs) (int, error) {
	return r.edgeCount.Load(ctx, args.query(container.ID, Down))
}

// Reports lists the users whose manager a user is, in id order.
func (r *Reader) Reports(manager *User, args PageArgs) (*UserConnection, error) {
	if err := CheckFirst(args.First); err != nil {
		return nil, err
	}
	after, err := afterID("reports", args.After)
	if err != nil {
		return nil, err
	}
	q := EdgeQuery{Of: manager.ID, Status: AnyLive, After: after, First: args.First + 1}
	return NewPage(args.After != nil,
		func(ctx context.Context) ([]PageEdge[*User], bool, error) {
			edges, err := r.reports.Load(ctx, q)
			if err != nil {
				return nil, false, err
			}
			return edgeRows(ctx, r, edges, args.First, "reports", func(i Identity) *User { return i.(*User) })
		},
		func(ctx context.Context) (int, error) { return r.reportSize.Load(ctx, manager.ID) }), nil
}

// linked pages through the edges of one identity.
func linked[T any](r *Reader, args LinkArgs, q EdgeQuery, name string, as func(Identity) T) (*Page[T], error) {
	if err := CheckFirst(args.First); err != nil {
		return nil, err
	}
	after, err := afterID(name, args.After)
	if err != nil {
		return nil, err
	}
	count := q
	q.After, q.First = after, args.First+1
	return NewPage(args.After != nil,
		func(ctx context.Context) ([]PageEdge[T], bool, error) {
			edges, err := r.edges.Load(ctx, q)
			if err != nil {
				return nil, false, err
			}
			return edgeRows(ctx, r, edges, args.First, name, as)
		},
		func(ctx context.Context) (int, error) { return r.edgeCount.Load(ctx, count) }), nil
}

// edgeRows turns edges into rows: the records of all pages of an operation are read in one statement.
func edgeRows[T any](ctx context.Context, r *Reader, edges []Edge, first int, name string, as func(Identity) T) ([]PageEdge[T], bool, error) {
	edges, more := trim(edges, first)
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
		rows = append(rows, PageEdge[T]{Cursor: idCursor(name, e.ID), Node: as(records[i].Identity()), IsDirect: e.Direct})
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

func resolutionOf(record *Record) ResolutionStatus {
	switch {
	case record == nil:
		return ResolutionUnknown
	case record.Status == StatusDisabled:
		return ResolutionDisabled
	case record.Status == StatusDeleted:
		return ResolutionDeleted
	default:
		return Resolved
	}
}

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
	revision, err := r.d.store.Snapshot(ctx) // before the rows are read: the answer reflects at least this
	if err != nil {
		return nil, err
	}
	records, err := r.recordsByFQN(ctx, fqns)
	if err != nil {
		return nil, err
	}
	out := &Resolution{Revision: revision, AsOf: r.d.now().UTC(), Results: make([]*ResolvedIdentity, len(fqns))}
	for i, fqn := range fqns {
		out.Results[i] = &ResolvedIdentity{FQN: fqn, Status: resolutionOf(records[i]), record: records[i]}
	}
	return out, nil
}

// ResolvedUsers lists the active users behind a resolved FQN: the user itself, or everybody effectively in the
// container.
func (r *Reader) ResolvedUsers(i *ResolvedIdentity, args PageArgs) (*UserConnection, error) {
	if i.Status == Resolved && i.record.Kind.IsContainer() {
		link := LinkArgs{PageArgs: args, Scope: ScopeEffective, Kind: KindUser}
		return linked(r, link, link.query(i.record.ID, Down), "members", func(i Identity) *User { return i.(*User) })
	}
	if err := CheckFirst(args.First); err != nil {
		return nil, err
	}
	after, err := afterID("members", args.After)
	if err != nil {
		return nil, err
	}
	rows := []PageEdge[*User]{}
	total := 0
	if i.Status == Resolved {
		total = 1
		if i.record.ID > after {
			rows = append(rows, PageEdge[*User]{Cursor: idCursor("members", i.record.ID), Node: &User{Record: *i.record}})
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
			MemberStatus: resolutionOf(member), ContainerStatus: resolutionOf(container),
		}
		if out[i].MemberStatus == Resolved && out[i].ContainerStatus == Resolved && container.Kind.IsContainer() {
			thunks[i] = r.paths.LoadThunk(ctx, Pair{Member: member.ID, Container: container.ID})
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
	out := make([]Identity, len(records))
	for i, record := range records {
		if record == nil {
			return nil, fmt.Errorf("identity %d of a membership path is gone", c.path[i])
		}
		out[i] = record.Identity()
	}
	return out, nil
}

// HasMember reports whether the identity that an FQN names is an active member of an active container.
func (r *Reader) HasMember(ctx context.Context, container *Record, fqn string, scope MembershipScope) (bool, error) {
	member, err := r.ByFQN(ctx, fqn)
	if err != nil || member == nil || member.Base().Status != StatusActive || container.Status != StatusActive {
		return false, err
	}
	if scope == ScopeDirect {
		edges, err := r.edges.Load(ctx, EdgeQuery{
			Of: container.ID, Way: Down, Scope: ScopeDirect, Status: OnlyActive, After: member.Base().ID - 1, First: 1,
		})
		return len(edges) == 1 && edges[0].ID == member.Base().ID, err
	}
	path, err := r.paths.Load(ctx, Pair{Member: member.Base().ID, Container: container.ID})
	return path != nil, err
}

// Principals lists the FQNs of an active identity and of everything that effectively contains it, the identity
// first; empty where the FQN names no active identity.
func (r *Reader) Principals(ctx context.Context, fqn string) ([]string, error) {
	identity, err := r.ByFQN(ctx, fqn)
	if err != nil || identity == nil || identity.Base().Status != StatusActive {
		return []string{}, err
	}
	self := identity.Base()
	edges, err := r.edges.Load(ctx, EdgeQuery{Of: self.ID, Way: Up, Scope: ScopeEffective, Status: OnlyActive})
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
	out := []string{self.FQN}
	for _, record := range records {
		if record != nil && record.ID != self.ID {
			out = append(out, record.FQN)
		}
	}
	return out, nil
}
