package store

import (
	"context"
	"log/slog"
	"net"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// hintChannel is where replicas tell each other that something was committed. A hint carries nothing but who sends it:
// what changed is in the change log.
const hintChannel = "roster_changes"

// hintPause is the least time between two hints: a stream of commits needs no hint each.
const hintPause = 2 * time.Millisecond

// listenerPing is how often a silent listening connection is tried. One that does not answer is given up.
const listenerPing = 10 * time.Second

// hintDialer makes connections to listen on.
type hintDialer struct{}

func (d hintDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, connectTimeout)
}

func (hintDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &line{Conn: conn, silence: 2 * listenerPing}, nil
}

// Hints tells other replicas of commits on this store, and calls changed after hints of theirs, until the context
// ends. A hint may be lost: callers look by themselves too.
//
// A NOTIFY inside the writing transaction would make all writers queue for a lock of the whole database; one NOTIFY
// after any number of commits does not.
func (s *Store) Hints(ctx context.Context, log *slog.Logger, changed func()) {
	go s.sendHints(ctx, log)
	listener := pq.NewDialListener(hintDialer{}, s.url, time.Second, 10*time.Second, func(_ pq.ListenerEventType, err error) {
		if err != nil {
			log.Debug("the connection that listens for changes", "error", err)
		}
	})
	go func() {
		defer listener.Close()
		if err := listener.Listen(hintChannel); err != nil && ctx.Err() == nil {
			log.Warn("changes of other replicas are not announced; they are found a little later", "error", err)
		}
		for {
			select {
			case <-ctx.Done():
				return
			case hint := <-listener.Notify:
				if hint == nil || hint.Extra != s.self { // nil after a reconnect: some may have been lost
					changed()
				}
			case <-time.After(listenerPing):
				go func() { _ = listener.Ping() }()
			}
		}
	}()
}

func (s *Store) sendHints(ctx context.Context, log *slog.Logger) {
	notify := "NOTIFY " + hintChannel + ", " + pq.QuoteLiteral(s.self)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.commits:
		}
		if _, err := s.db.ExecContext(ctx, notify); err != nil && ctx.Err() == nil {
			log.Debug("a hint could not be sent", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(hintPause):
		}
	}
}

// noteCommit makes the revision of a committed transaction and tells the request of it, asks for a hint to the other
// replicas, and lets this one catch up.
func (s *Store) noteCommit(ctx context.Context, xid uint64) directory.Revision {
	r := s.revision(ctx)
	r.XID = xid
	directory.NoteRevision(ctx, r)
	s.askForHint()
	if s.onCommit != nil {
		s.onCommit(ctx, r)
	}
	return r
}

// revision is one of the life that the database is in.
func (s *Store) revision(ctx context.Context) directory.Revision {
	life, err := s.Life(ctx)
	if err != nil { // the last one that was seen, which may be over
		return directory.Revision{Epoch: s.epoch()}
	}
	return directory.Revision{Epoch: life.Epoch, Started: life.Started}
}

func (s *Store) askForHint() {
	select {
	case s.commits <- struct{}{}:
	default: // one is asked for already
	}
}

// OnCommit implements [directory.GraphStore].
func (s *Store) OnCommit(do func(ctx context.Context, r directory.Revision)) { s.onCommit = do }
