package store

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// grace is how long after its deadline a request still waits for the database: for the server to say that it has
// cancelled the statement.
const grace = 500 * time.Millisecond

// A peer that the network has lost is noticed by the system itself, where it can tell: after silentPeer where something
// was sent to it, and after the keep-alive probes where nothing was.
const silentPeer = 5 * time.Second

var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}

var dialer = net.Dialer{KeepAliveConfig: keepAlive, Control: giveUpSilentPeers}

// line is a network connection on which nobody waits for long: the driver ignores its context once it waits for a
// server that has gone silent.
type line struct {
	net.Conn
	// silence bounds each wait; 0 does not.
	silence time.Duration
	// limit is when all waiting ends, in nanoseconds of [time.Time.UnixNano]; 0 is never.
	limit atomic.Int64
	// unwatch ends the watch over the context that set the limit; nil where none is watched.
	unwatch func() bool
	// heard is when the wait began after which the server was last heard from.
	heard time.Time
	// lost is called where the server could not be heard, with the beginning of that wait; nil for nothing.
	lost func(since time.Time)
}

// until ends all waiting a moment after a context's deadline; a context without one may end at any time.
func (l *line) until(ctx context.Context) {
	l.forget()
	if deadline, ok := ctx.Deadline(); ok {
		l.limit.Store(deadline.Add(grace).UnixNano())
		return
	}
	l.limit.Store(0)
	if ctx.Done() != nil {
		l.unwatch = context.AfterFunc(ctx, func() {
			at := time.Now().Add(grace)
			l.limit.Store(at.UnixNano())
			_ = l.SetReadDeadline(at) // of a wait that is under way
		})
	}
}

// forget lets the context go that the limit is of.
func (l *line) forget() {
	if l.unwatch != nil {
		l.unwatch()
		l.unwatch = nil
	}
}

// notPast makes the limit an earlier one.
func (l *line) notPast(end time.Time) {
	if at := l.limit.Load(); at == 0 || end.UnixNano() < at {
		l.limit.CompareAndSwap(at, end.UnixNano()) // else the context has just ended
	}
}

// Close implements [net.Conn].
func (l *line) Close() error {
	l.forget()
	return l.Conn.Close()
}

// deadline is when a wait that begins now has to end; zero is never.
func (l *line) deadline(now time.Time) (end time.Time) {
	if l.silence > 0 {
		end = now.Add(l.silence)
	}
	if limit := l.limit.Load(); limit > 0 && (end.IsZero() || limit < end.UnixNano()) {
		end = time.Unix(0, limit)
	}
	return end
}

func (l *line) Read(p []byte) (int, error) {
	begun := time.Now()
	if err := l.SetReadDeadline(l.deadline(begun)); err != nil {
		return 0, err
	}
	n, err := l.Conn.Read(p)
	switch {
	case err == nil:
		l.heard = begun
	case l.lost != nil && !errors.Is(err, net.ErrClosed): // which is our own doing
		l.lost(begun)
	}
	return n, err
}

func (l *line) Write(p []byte) (int, error) {
	if err := l.SetWriteDeadline(l.deadline(time.Now())); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}

// Dial implements the driver's dialer.
func (c *connections) Dial(network, address string) (net.Conn, error) {
	return c.DialTimeout(network, address, connectTimeout)
}

// DialTimeout implements the driver's dialer.
func (c *connections) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return c.DialContext(ctx, network, address)
}

// DialContext implements the driver's dialer. The context bounds the whole beginning of the connection. The driver also
// dials to cancel a statement whose context has ended, and the statement's caller waits for that: it has little time.
func (c *connections) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d, inPool := ctx.Value(dialing{}).(dialed)
	if !inPool {
		d = dialed{ctx, &line{silence: c.silence}}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, grace)
		defer cancel()
	}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.line.Conn, d.line.heard = conn, time.Now()
	d.line.until(d.ctx)
	if end, ok := ctx.Deadline(); ok {
		d.line.notPast(end)
	}
	return d.line, nil
}
