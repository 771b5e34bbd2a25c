package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// connectTimeout bounds how long a new connection may take.
const connectTimeout = 5 * time.Second

// idleInTransaction bounds how long a transaction may do nothing, where its statements may take longer.
const idleInTransaction = time.Minute

// defaultConns is the size of a pool of which nothing is said.
const defaultConns = 32

// open makes a pool, and says how it will connect. It does not connect yet.
func open(cfg Config) (*sql.DB, pq.Config, *connections, error) {
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
	if cfg.workMem != "" {
		pc.Runtime["work_mem"] = cfg.workMem
	}
	if cfg.Timeout > 0 {
		pc.Runtime["statement_timeout"] = strconv.FormatInt(cfg.Timeout.Milliseconds(), 10)
		// The locks of a transaction whose client the network has lost: the server would keep them for hours.
		pc.Runtime["idle_in_transaction_session_timeout"] = strconv.FormatInt(min(cfg.Timeout, idleInTransaction).Milliseconds(), 10)
	}
	connector, err := pq.NewConnectorConfig(pc)
	if err != nil {
		return nil, pc, nil, fmt.Errorf("the database URL cannot be used; write it as postgres://user:password@host:5432/database")
	}
	c := &connections{Connector: connector, silence: cfg.Timeout}
	if c.silence > 0 {
		c.silence += grace
	}
	connector.Dialer(c)
	db := sql.OpenDB(c)
	conns := cfg.conns()
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, pc, c, nil
}

func (c Config) conns() int {
	if c.MaxConns > 0 {
		return c.MaxConns
	}
	return defaultConns
}

// connections makes the connections of a pool.
type connections struct {
	driver.Connector
	// silence is how long a connection may keep whoever reads from it waiting; 0 is for ever.
	silence time.Duration
	opened  atomic.Int64 // connections so far
	// doubted is since when nothing that was not heard from is trusted, in nanoseconds of [time.Time.UnixNano].
	doubted atomic.Int64
}

// dialing is the key of a context under which a connection of the pool is dialed, and not one to cancel a statement. Its
// value is a dialed.
type dialing struct{}

// dialed is a line for somebody whose context is ctx.
type dialed struct {
	ctx  context.Context
	line *line
}

// Connect implements [driver.Connector].
func (c *connections) Connect(ctx context.Context) (driver.Conn, error) {
	c.opened.Add(1)
	l := &line{silence: c.silence, lost: c.doubt}
	conn, err := c.Connector.Connect(context.WithValue(ctx, dialing{}, dialed{ctx, l}))
	if err != nil {
		return nil, err
	}
	l.until(ctx)
	return &connection{pqConn: conn.(pqConn), line: l, all: c}, nil
}

// doubt has every connection tried anew that is not heard from after a time: one has failed in a way that says
// nothing good of the others.
func (c *connections) doubt(since time.Time) {
	if at := since.UnixNano(); at > c.doubted.Load() {
		c.doubted.Store(at)
	}
}

// doubtEvery is how often at most all connections are doubted for what a server says.
const doubtEvery = time.Second

// doubtAll has every connection tried anew: after a fail-over the URL may lead to another server.
func (c *connections) doubtAll() {
	if now := time.Now(); now.UnixNano()-c.doubted.Load() > int64(doubtEvery) {
		c.doubt(now)
	}
}

// pqConn is what a connection of the driver can do.
type pqConn interface {
	driver.Conn
	driver.QueryerContext
	driver.ExecerContext
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

// connection is one of a pool.
type connection struct {
	pqConn
	line *line
	all  *connections
}

// Close implements [driver.Conn]. The driver takes its leave of the server, for which nobody's deadline counts any more.
func (c *connection) Close() error {
	c.line.forget()
	c.line.limit.Store(time.Now().Add(grace).UnixNano())
	return c.pqConn.Close()
}

// ResetSession implements [driver.SessionResetter]: whoever takes the connection out of the pool brings a deadline.
func (c *connection) ResetSession(ctx context.Context) error {
	if c.line.heard.UnixNano() < c.all.doubted.Load() {
		_ = c.line.Close()       // so that the driver takes no leave of a server that is not there
		return driver.ErrBadConn // the pool takes another
	}
	c.line.until(ctx)
	if c.pqConn.ResetSession(ctx) != nil {
		return driver.ErrBadConn // the driver would fail this caller with what ended an earlier one
	}
	return nil
}
