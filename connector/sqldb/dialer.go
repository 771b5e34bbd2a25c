package sqldb

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/roster-gateway/roster/internal/outbound"
)

// connectLimit bounds how long a connection may take to be there.
const connectLimit = 15 * time.Second

// noFile is where no file can be: the driver is to look for passwords there.
const noFile = os.DevNull + "/none"

// address is where an endpoint is dialed.
func (e endpoint) address() string { return net.JoinHostPort(e.host, strconv.Itoa(int(e.port))) }

// dialer makes the network connections of one session, for whichever driver, and bounds what is read from them.
type dialer struct {
	dialer *net.Dialer
	// secure begins TLS on a new connection; nil where the driver does that, or nobody.
	secure func(context.Context, net.Conn) (net.Conn, error)

	// left is how many bytes may still come.
	left atomic.Int64

	mu     sync.Mutex
	opened []net.Conn
	hungUp bool
}

func newDialer(network outbound.Config) *dialer {
	d := &dialer{dialer: network.Dialer()}
	d.allow(maxRowBytes)
	return d
}

// allow lets another number of bytes come.
func (d *dialer) allow(n int64) { d.left.Store(n) }

// hangUp ends all connections, and makes no new one: the drivers wait for a server that has gone silent, whatever their context says.
func (d *dialer) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hungUp = true
	for _, conn := range d.opened {
		_ = conn.Close()
	}
	d.opened = nil
}

var errHungUp = errors.New("the session is over")

// DialContext implements the dialer of each of the drivers. Only TCP is dialed: no socket of this machine, no pipe.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" {
		return nil, errors.New("a database is reached by TCP only")
	}
	conn, err := d.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.opened = append(d.opened, conn)
	over := d.hungUp
	d.mu.Unlock()
	if over {
		_ = conn.Close()
		return nil, errHungUp
	}
	if d.secure != nil {
		secured, err := d.secure(ctx, conn)
		if err != nil {
			_ = conn.Close()
			return nil, err
		}
		conn = secured
	}
	return &line{conn, d}, nil
}

// Dial implements the dialer of lib/pq.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, connectLimit)
}

// DialTimeout implements the dialer of lib/pq.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// HostName implements mssql.HostDialer, so that names are resolved here, where their addresses are looked at.
func (d *dialer) HostName() string { return "" }

// line is a connection from which no more is read than its dialer allows.
type line struct {
	net.Conn
	of *dialer
}

var errTooMuch = errors.New("more bytes came than are read of one row")

func (l *line) Read(p []byte) (int, error) {
	if l.of.left.Load() <= 0 {
		return 0, errTooMuch
	}
	n, err := l.Conn.Read(p)
	l.of.left.Add(-int64(n))
	return n, err
}

var errNoTLS = errors.New("the server speaks no TLS")

// postgresTLS asks a server for TLS and begins it ("SSL Session Encryption" in the manual of PostgreSQL).
func postgresTLS(config *tls.Config) func(context.Context, net.Conn) (net.Conn, error) {
	const sslRequest = 80877103
	return func(ctx context.Context, conn net.Conn) (net.Conn, error) {
		if end, ok := ctx.Deadline(); ok {
			_ = conn.SetDeadline(end)
		}
		request := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), sslRequest)
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		answer := []byte{0} // and not a byte more: what follows belongs to TLS
		if _, err := io.ReadFull(conn, answer); err != nil {
			return nil, err
		}
		if answer[0] != 'S' {
			return nil, errNoTLS
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		_ = conn.SetDeadline(time.Time{})
		return secured, nil
	}
}

// failing is a connector of a configuration that the driver does not take.
type failing struct{ err error }

func (f failing) Connect(context.Context) (driver.Conn, error) { return nil, f.err }
func (f failing) Driver() driver.Driver                        { return nil }

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
func seconds(d time.Duration) string      { return strconv.FormatInt(int64(d.Seconds()), 10) }
