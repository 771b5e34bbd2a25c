package store

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// connectTimeout bounds how long a new connection may take.
const connectTimeout = 5 * time.Second

// open makes a pool, and says how it will connect and counts how often. It does not connect yet.
func open(cfg Config) (*sql.DB, pq.Config, *atomic.Int64, error) {
	pc, err := pq.NewConfig(cfg.URL)
	if err != nil {
		return nil, pc, nil, fmt.Errorf("the database URL cannot be read; write it as postgres://user:password@host:5432/database")
	}
	if pc.ApplicationName == "" {
		pc.ApplicationName = "roster"
	}
	if pc.ConnectTimeout == 0 {
		pc.ConnectTimeout = connectTimeout
	}
	if pc.Runtime == nil {
		pc.Runtime = map[string]string{}
	}
	pc.Runtime["timezone"] = "UTC"
	pc.Runtime["jit"] = "off" // compiling a short statement costs a thousand times what it saves
	if cfg.Timeout > 0 {
		pc.Runtime["statement_timeout"] = strconv.FormatInt(cfg.Timeout.Milliseconds(), 10)
	}
	connector, err := pq.NewConnectorConfig(pc)
	if err != nil {
		return nil, pc, nil, fmt.Errorf("the database URL cannot be used; write it as postgres://user:password@host:5432/database")
	}
	dialer := deadlineDialer{timeout: cfg.Timeout}
	if dialer.timeout > 0 {
		dialer.timeout += time.Second / 2
	}
	connector.Dialer(dialer)
	opened := &atomic.Int64{}
	db := sql.OpenDB(connections{connector, opened})
	conns := cfg.MaxConns
	if conns <= 0 {
		conns = 32
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, pc, opened, nil
}

// deadlineDialer makes connections on which every read and write has a deadline: the driver ignores its context once
// it waits for a server that has gone silent.
type deadlineDialer struct{ timeout time.Duration }

func (d deadlineDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialTimeout(network, address, connectTimeout)
}

func (d deadlineDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

func (d deadlineDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
	if err != nil || d.timeout == 0 {
		return conn, err
	}
	return &deadlineConn{Conn: conn, timeout: d.timeout}, nil
}

type deadlineConn struct {
	net.Conn
	timeout time.Duration
}

func (c *deadlineConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *deadlineConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
