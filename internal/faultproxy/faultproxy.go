// Package faultproxy stands between a Roster and its Postgres in tests, as a network that can fail.
package faultproxy

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// Fault is what the network does with connections.
type Fault int

// The faults.
const (
	// None passes everything on.
	None Fault = iota
	// Refuse closes every connection, and new ones at once.
	Refuse
	// Reset ends every connection by a reset (RFC 9293, section 3.5.2), and new ones at once.
	Reset
	// BlackHole takes connections and bytes, and passes nothing on. Connections of that time stay dead for ever.
	BlackHole
	// Latency passes everything on after Delay, either way.
	Latency
	// SlowClose ends every connection towards the server, and new ones at once; the client learns of it after Delay.
	SlowClose
)

func (f Fault) String() string {
	return [...]string{"none", "refuse", "reset", "black hole", "latency", "slow close"}[f]
}

// Delay is by how much [Latency] and [SlowClose] are late.
const Delay = 200 * time.Millisecond

// Proxy is such a network. It is safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   pq.Config
	kept     atomic.Int64

	running sync.WaitGroup
	mu      sync.Mutex
	now     Fault
	deaf    bool
	lanes   map[*lane]bool
}

// lane is one connection through the proxy.
type lane struct {
	client *net.TCPConn
	server net.Conn
	dead   atomic.Bool // swallows everything
	late   atomic.Bool
}

// Start starts a proxy to the database of a URL, on a port of the loopback interface.
func Start(database string) (*Proxy, error) {
	target, err := pq.NewConfig(database)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: listener, target: target, lanes: map[*lane]bool{}}
	p.running.Go(p.accept)
	return p, nil
}

// URL leads to the database through the proxy.
func (p *Proxy) URL() string {
	through := url.URL{
		Scheme: "postgres", User: url.UserPassword(p.target.User, p.target.Password), Host: p.listener.Addr().String(),
		Path: "/" + p.target.Database, RawQuery: "sslmode=disable",
	}
	return through.String()
}

// Close ends every connection.
func (p *Proxy) Close() {
	p.listener.Close()
	p.Turn(Refuse)
	p.running.Wait()
}

// Turn changes what the network does, with connections that are open too.
func (p *Proxy) Turn(to Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = to
	for l := range p.lanes {
		l.suffer(to)
	}
}

// Deafen keeps the notifications of the server back, on connections that are opened from now on.
func (p *Proxy) Deafen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = true
}

// KeptBack counts the notifications that were kept back.
func (p *Proxy) KeptBack() int64 { return p.kept.Load() }

func (l *lane) suffer(f Fault) {
	l.late.Store(f == Latency)
	switch f {
	case Refuse:
		l.close()
	case Reset:
		_ = l.client.SetLinger(0)
		l.close()
	case BlackHole:
		l.dead.Store(true)
	case SlowClose:
		l.dead.Store(true)
		time.AfterFunc(Delay, l.close)
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.open(client.(*net.TCPConn)) })
	}
}

// open connects a client to the server until one of them ends.
func (p *Proxy) open(client *net.TCPConn) {
	network, address := "tcp", net.JoinHostPort(p.target.Host, strconv.Itoa(int(p.target.Port)))
	if filepath.IsAbs(p.target.Host) {
		network, address = "unix", filepath.Join(p.target.Host, ".s.PGSQL."+strconv.Itoa(int(p.target.Port)))
	}
	server, err := net.Dial(network, address)
	if err != nil {
		client.Close()
		return
	}
	l := &lane{client: client, server: server}
	p.mu.Lock()
	p.lanes[l] = true
	l.suffer(p.now)
	deaf := p.deaf
	p.mu.Unlock()
	p.running.Go(func() {
		defer l.close()
		_ = l.copy(server, client)
	})
	if deaf {
		_ = p.copyWithoutNotifications(client, server)
	} else {
		_ = l.copy(client, server)
	}
	l.close()
	p.mu.Lock()
	delete(p.lanes, l)
	p.mu.Unlock()
}

func (l *lane) close() {
	l.client.Close()
	l.server.Close()
}

// copy passes bytes on, and swallows them once the lane is dead.
func (l *lane) copy(to io.Writer, from io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && l.late.Load() {
			time.Sleep(Delay)
		}
		if n > 0 && !l.dead.Load() {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}
