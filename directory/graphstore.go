package directory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory/links"
)

// GraphStore is what keeping the graph in memory needs from storage.
type GraphStore interface {
	// LoadGraph reads the whole graph, as one snapshot of the store shows it.
	LoadGraph(ctx context.Context) (*links.Graph, Revision, error)
	// GraphChanges reads what a snapshot of now shows and the one before did not. A transaction that commits late is
	// never skipped, and the changes of one link come in their order.
	GraphChanges(ctx context.Context, since Revision) (GraphDelta, error)
	// Life tells what no change tells of. It is cheap to ask again and again.
	Life(ctx context.Context) (Life, error)
	// Opened counts the connections to the store. Where it is no longer that of a Life, this may be over.
	Opened() int64
	// Ping reports whether the store answers.
	Ping(ctx context.Context) error
	// RenewEpoch begins a new life of the store.
	RenewEpoch(ctx context.Context) error
	// OnCommit has a function called after each commit of this process, before the writer is told that it happened. It
	// is called once, before the first write.
	OnCommit(do func(ctx context.Context, r Revision))
}

// Life is what stays the same for as long as changes lead from one state of the store to the next.
type Life struct {
	// Epoch is a new one after a restore and after a fail-over.
	Epoch uuid.UUID
	// Started is when the server started: one that crashed may have forgotten numbers that it gave away, and give them away
	// again.
	Started time.Time
	// Pruned is the last transaction of those whose changes are not kept any more.
	Pruned uint64
	// Opened is how many connections there were when it was looked at.
	Opened int64
}

// GraphDelta leads from one snapshot of the store to a later one: first the identities as they are now, then the
// links in the order of their changes.
type GraphDelta struct {
	Revision Revision
	// Reload says that there are too many changes to take them up one by one.
	Reload bool
	Nodes  []links.Node
	Links  []LinkDelta
	// Purged are identities of which there is nothing any more.
	Purged []int64
	// Access says that tokens, providers or instances changed.
	Access bool
}

// LinkDelta is a change of one container's members.
type LinkDelta struct {
	Container int64
	Members   []int64
	Removed   bool
}
