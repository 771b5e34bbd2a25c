package directory

import (
	"context"
	"fmt"
	"sync"
)

// Page is one page of a list (a connection in GraphQL). Its rows are read when first asked for, and its total only
// when asked for.
type Page[T any] struct {
	rows    func(ctx context.Context) (rows []PageEdge[T], more bool, err error)
	count   func(ctx context.Context) (int, error)
	hasPrev bool

	once  sync.Once
	edges []PageEdge[T]
	more  bool
	err   error
}

// PageEdge is one row of a page. IsDirect is set in lists of members and containers.
type PageEdge[T any] struct {
	Cursor   Cursor
	Node     T
	IsDirect bool
}

// PageInfo says where a page stands in its list.
type PageInfo struct {
	HasNextPage, HasPreviousPage bool
	StartCursor, EndCursor       *Cursor
}

// The pages of the public API, and their rows.
type (
	IdentityConnection  = Page[Identity]
	IdentityEdge        = PageEdge[Identity]
	UserConnection      = Page[*User]
	UserEdge            = PageEdge[*User]
	GroupConnection     = Page[*Group]
	GroupEdge           = PageEdge[*Group]
	RoleConnection      = Page[*Role]
	RoleEdge            = PageEdge[*Role]
	MemberConnection    = Page[Identity]
	MemberEdge          = PageEdge[Identity]
	ContainerConnection = Page[Container]
	ContainerEdge       = PageEdge[Container]
	ChangeConnection    = Page[*Change]
	ConflictConnection  = Page[*Conflict]
)

// NewPage returns a page whose rows and total are read by the given functions, each at most once.
func NewPage[T any](
	hasPrevious bool,
	rows func(ctx context.Context) ([]PageEdge[T], bool, error),
	count func(ctx context.Context) (int, error),
) *Page[T] {
	return &Page[T]{rows: rows, count: count, hasPrev: hasPrevious}
}

func (p *Page[T]) read(ctx context.Context) error {
	p.once.Do(func() {
		defer func() {
			if r := recover(); r != nil { // whoever asks second must not take an empty page for the answer
				p.err = fmt.Errorf("reading a page panicked: %v", r)
			}
		}()
		p.edges, p.more, p.err = p.rows(ctx)
	})
	return p.err
}

// Edges returns the rows with their cursors.
func (p *Page[T]) Edges(ctx context.Context) ([]*PageEdge[T], error) {
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	out := make([]*PageEdge[T], len(p.edges))
	for i := range p.edges {
		out[i] = &p.edges[i]
	}
	return out, nil
}

// Nodes returns the rows.
func (p *Page[T]) Nodes(ctx context.Context) ([]T, error) {
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	out := make([]T, len(p.edges))
	for i := range p.edges {
		out[i] = p.edges[i].Node
	}
	return out, nil
}

// PageInfo says where the page stands.
func (p *Page[T]) PageInfo(ctx context.Context) (*PageInfo, error) {
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	info := &PageInfo{HasNextPage: p.more, HasPreviousPage: p.hasPrev}
	if n := len(p.edges); n > 0 {
		info.StartCursor, info.EndCursor = &p.edges[0].Cursor, &p.edges[n-1].Cursor
	}
	return info, nil
}

// TotalCount counts the whole list.
func (p *Page[T]) TotalCount(ctx context.Context) (int, error) { return p.count(ctx) }

// trim cuts the row that was read beyond the page to learn whether there are more.
func trim[E any](rows []E, first int) ([]E, bool) {
	if len(rows) > first {
		return rows[:first], true
	}
	return rows, false
}
