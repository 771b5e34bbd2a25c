package directory

import (
	"context"
	"errors"

	"github.com/roster-gateway/roster/directory/links"
)

// Scope is what a caller may see: the identities of some instances, and of links those whose ends are both of them. A nil
// Scope is everything. Whoever is out of scope is not there: in look-ups, lists, counts, and on the way from one identity
// to another.
type Scope = links.Instances

// ScopeOf is the scope of some instances; of none, nothing is seen.
func ScopeOf(instances ...int64) *Scope { return links.Only(instances...) }

// errNotNarrowed fails closed: only the state in memory knows who is in scope at each hop.
var errNotNarrowed = errors.New("narrowed reads need the directory in memory")

type scopeKey struct{}

// WithScope returns a context whose reads, and changes of roles, are narrowed.
func WithScope(ctx context.Context, s *Scope) context.Context {
	return context.WithValue(ctx, scopeKey{}, s)
}

// ScopeFrom returns the context's scope, nil where nothing is narrowed.
func ScopeFrom(ctx context.Context) *Scope {
	s, _ := ctx.Value(scopeKey{}).(*Scope)
	return s
}
