package directory

import (
	"context"

	"github.com/roster-gateway/roster/directory/links"
)

// GraphStore is what keeping the graph in memory needs from storage.
type GraphStore interface {
	// LoadGraph reads the whole graph, as one snapshot of the store shows it.
	LoadGraph(ctx context.Context) (*links.Graph, Revision, error)
	// GraphChanges reads what a snapshot of now shows and the one before did not. A transaction that commits late is
	// never skipped, and the changes of one link come in their order.
	GraphChanges(ctx context.Context, since Revision) (GraphDelta, error)
	// OnCommit has a function called after each commit of this process, before the writer is told that it happened. It
	// is called once, before the first write.
	OnCommit(do func(ctx context.Context, r Revision))
}

// GraphDelta leads from one snapshot of the store to a later one: first the identities as they are now, then the
// links in the order of their changes.
type GraphDelta struct {
	Revision Revision
	// Reload says that there are too many changes to take them up one by one.
	Reload bool
	Nodes  []links.Node
	Links  []LinkDelta
	// Access says that tokens, providers or instances changed.
	Access bool
}

// LinkDelta is a change of one container's members.
type LinkDelta struct {
	Container int64
	Members   []int64
	Removed   bool
}
