package directory

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
)

// feedPoll is how often a subscriber looks for changes that other replicas committed. Own commits wake it at once.
const feedPoll = time.Second

// feedBatch is how many changes a subscriber reads in one statement.
const feedBatch = 200

// Change is one entry of the change feed.
type Change struct {
	Cursor   Cursor
	Revision Revision
	Kind     ChangeKind
	At       time.Time
	// identity and container are the rows as they are now; nil where they were purged since.
	identity, container *Record
}

// IdentityID is the public id of the identity that changed, or that was linked.
func (c *Change) IdentityID() uuid.UUID { return uidOf(c.identity) }

// FQN is the identity's name as it is now.
func (c *Change) FQN() string {
	if c.identity == nil {
		return ""
	}
	return c.identity.FQN
}

// Identity is the identity as it is now.
func (c *Change) Identity() Identity {
	if c.identity == nil {
		return nil
	}
	return c.identity.Identity()
}

// ContainerID is the public id of the container of a link; nil for changes of no link.
func (c *Change) ContainerID() *uuid.UUID {
	if c.container == nil {
		return nil
	}
	return &c.container.UID
}

// Container is the container of a link as it is now.
func (c *Change) Container() Container {
	if c.container == nil {
		return nil
	}
	container, _ := c.container.Identity().(Container)
	return container
}

func uidOf(r *Record) uuid.UUID {
	if r == nil {
		return uuid.Nil
	}
	return r.UID
}

func (p FeedPosition) cursor() Cursor {
	return newCursor("changes", p.Epoch.String(), p.From, p.To, strconv.FormatInt(p.Seq, 10), strconv.Itoa(p.Index))
}

func feedPosition(after *Cursor) (FeedPosition, error) {
	if after == nil {
		return FeedPosition{}, nil
	}
	parts, err := after.parts("changes", 5)
	if err != nil {
		return FeedPosition{}, err
	}
	p := FeedPosition{From: parts[1], To: parts[2]}
	var errs [3]error
	p.Epoch, errs[0] = uuid.Parse(parts[0])
	p.Seq, errs[1] = strconv.ParseInt(parts[3], 10, 64)
	p.Index, errs[2] = strconv.Atoi(parts[4])
	for _, err := range errs {
		if err != nil {
			return p, BadInput("after", "This is no cursor of the change feed.")
		}
	}
	for _, snapshot := range []string{p.From, p.To} {
		if snapshot != "" && !snapshotText.MatchString(snapshot) {
			return p, BadInput("after", "This is no cursor of the change feed.")
		}
	}
	return p, nil
}

// Changes pages through the change feed in causal order, oldest first; narrowed to a scope, changes whose identity, and
// container, are in it.
func (r *Reader) Changes(args PageArgs) (*ChangeConnection, error) {
	if err := CheckFirst(args.First); err != nil {
		return nil, err
	}
	after, err := feedPosition(args.After)
	if err != nil {
		return nil, err
	}
	return NewPage(args.After != nil,
		func(ctx context.Context) ([]PageEdge[*Change], bool, error) {
			changes, _, err := r.changes(ctx, after, args.First+1)
			if err != nil {
				return nil, false, err
			}
			changes, more := trim(changes, args.First)
			rows := make([]PageEdge[*Change], len(changes))
			for i, c := range changes {
				rows[i] = PageEdge[*Change]{Cursor: c.Cursor, Node: c}
			}
			return rows, more, nil
		}, nil), nil
}

// changes reads the changes after a position with their identities, and the position to go on from.
func (r *Reader) changes(ctx context.Context, after FeedPosition, first int) ([]*Change, FeedPosition, error) {
	rows, next, err := r.d.store.Feed(ctx, r.scope, after, first)
	if err != nil {
		return nil, after, err
	}
	ids := make([]int64, 0, 2*len(rows))
	for _, row := range rows {
		ids = append(ids, row.Identity, row.Container)
	}
	records, err := r.d.store.ByIDs(ctx, ids) // the feed may be ahead of what is in memory
	if err != nil {
		return nil, after, err
	}
	out := make([]*Change, len(rows))
	for i, row := range rows {
		out[i] = &Change{
			Cursor: row.Position.cursor(), Revision: Revision{Epoch: row.Position.Epoch, XID: row.XID},
			Kind: row.Kind, At: row.At, identity: records[2*i], container: records[2*i+1],
		}
	}
	return out, next, nil
}

// Subscribe delivers the changes after a cursor, or from now on without one, until the context ends. An error ends
// the stream: it is sent as the last event.
func (d *Directory) Subscribe(ctx context.Context, after *Cursor) (<-chan ChangeEvent, error) {
	position, err := feedPosition(after)
	if err != nil {
		return nil, err
	}
	if after == nil {
		now, err := d.store.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		position = FeedPosition{Epoch: now.Epoch, From: now.Snapshot, To: now.Snapshot}
	}
	out := make(chan ChangeEvent)
	go d.follow(ctx, position, out)
	return out, nil
}

// ChangeEvent is a change, or the error that ended the feed.
type ChangeEvent struct {
	Change *Change
	Err    error
}

func (d *Directory) follow(ctx context.Context, at FeedPosition, out chan<- ChangeEvent) {
	defer close(out)
	poll := time.NewTicker(feedPoll)
	defer poll.Stop()
	for {
		woken := d.wake.wait()
		changes, next, err := d.ReaderFor(ctx).changes(ctx, at, feedBatch)
		if err != nil {
			if ctx.Err() == nil && !HasCode(err, CodeUnavailable) {
				send(ctx, out, ChangeEvent{Err: err})
				return
			}
		} else {
			at = next
		}
		for _, c := range changes {
			if !send(ctx, out, ChangeEvent{Change: c}) {
				return
			}
		}
		if len(changes) == feedBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-poll.C:
		}
	}
}

func send(ctx context.Context, out chan<- ChangeEvent, e ChangeEvent) bool {
	select {
	case out <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

// broadcast wakes everybody who waits.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) wakeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}
