package directory

import (
	"context"

	"github.com/roster-gateway/roster/directory/links"
)

// MembershipScope chooses between stored edges and their closure.
type MembershipScope string

// The scopes. DIRECT is every stored edge; EFFECTIVE is the transitive closure over containers, each identity once.
const (
	ScopeDirect    MembershipScope = "DIRECT"
	ScopeEffective MembershipScope = "EFFECTIVE"
)

// Way is the direction in which links are followed.
type Way int

// Down leads from a container to its members, Up from a member to its containers.
const (
	Down Way = iota
	Up
)

// EdgeQuery asks for one page of the identities linked to one identity.
//
// What is listed has a status in Status. A path leads to it over containers, the one asked about included, that are
// active or have a status in Status: a disabled container passes nothing on unless it is asked for. A merged group is
// nested in its survivor (EFFECTIVE only).
type EdgeQuery struct {
	Of    int64
	Way   Way
	Scope MembershipScope
	// Kind narrows what is listed, not what is followed; empty lists every kind.
	Kind IdentityKind
	// Status is a set of statuses, see [StatusSet].
	Status StatusSet
	// After is the id after which the page begins; pages are in id order.
	After int64
	// First is how many edges to return at most; 0 returns all.
	First int
}

// StatusSet is a set of statuses as a bit mask, so that an EdgeQuery is comparable.
type StatusSet uint8

const (
	setActive StatusSet = 1 << iota
	setDisabled
	setDeleted
)

// OnlyActive is the set that decides about rights.
const OnlyActive = setActive

// AnyLive is the set of active and disabled.
const AnyLive = setActive | setDisabled

// Statuses returns the set of the given statuses.
func Statuses(statuses ...IdentityStatus) StatusSet {
	var s StatusSet
	for _, status := range statuses {
		switch status {
		case StatusActive:
			s |= setActive
		case StatusDisabled:
			s |= setDisabled
		case StatusDeleted:
			s |= setDeleted
		}
	}
	return s
}

// List returns the set's statuses.
func (s StatusSet) List() []IdentityStatus {
	out := []IdentityStatus{}
	for i, status := range []IdentityStatus{StatusActive, StatusDisabled, StatusDeleted} {
		if s&(1<<i) != 0 {
			out = append(out, status)
		}
	}
	return out
}

// Edge is one linked identity. Direct reports that a stored edge links it, beside any longer path.
type Edge = links.Linked

// Pair asks whether Member is effectively in Container.
type Pair struct{ Member, Container int64 }

// Links answers questions about the membership graph, in batches: answer i belongs to question i.
type Links interface {
	// Edges returns one page for each query, in id order.
	Edges(ctx context.Context, queries []EdgeQuery) ([][]Edge, error)
	// CountEdges counts what Edges without paging would return; After and First are ignored.
	CountEdges(ctx context.Context, queries []EdgeQuery) ([]int, error)
	// Paths returns for each pair a shortest path of active identities from member to container, both included, of
	// at least one edge; nil where there is none.
	Paths(ctx context.Context, pairs []Pair) ([][]int64, error)
}
