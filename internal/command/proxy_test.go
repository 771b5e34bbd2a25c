package command

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"
)

// weather is what a network does with connections.
type weather int

const (
	fair weather = iota
	// refusing closes every connection, and new ones at once.
	refusing
	// silent takes connections and bytes and passes nothing on; connections of that time stay dead for ever.
	silent
)

// proxy stands between a Roster and its Postgres, as a network that can fail.
type proxy struct {
	listener net.Listener
	target   pq.Config
	// deaf keeps notifications of the server back; kept counts them.
	deaf bool
	kept atomic.Int64

	running sync.WaitGroup
	mu      sync.Mutex
	now     weather
	lanes   map[*lane]bool
}

// lane is one connection through the proxy.
type lane struct {
	client, server net.Conn
	dead           atomic.Bool // swallows everything
}

// between starts a proxy to the database and returns it with the URL that leads through it.
func between(t *testing.T, database string, deaf bool) (*proxy, string) {
	t.Helper()
	target, err := pq.NewConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, target: target, deaf: deaf, lanes: map[*lane]bool{}}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		listener.Close()
		p.turn(refusing)
		p.running.Wait()
	})
	through := url.URL{
		Scheme: "postgres", User: url.UserPassword(target.User, target.Password), Host: listener.Addr().String(),
		Path: "/" + target.Database, RawQuery: "sslmode=disable",
	}
	return p, through.String()
}

// turn changes the weather, for connections that are open too.
func (p *proxy) turn(to weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = to
	for l := range p.lanes {
		l.suffer(to)
	}
}

func (l *lane) suffer(w weather) {
	switch w {
	case refusing:
		l.close()
	case silent:
		l.dead.Store(true)
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.open(client) })
	}
}

// open connects a client to the server until one of them ends.
func (p *proxy) open(client net.Conn) {
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
	defer l.close()
	p.mu.Lock()
	p.lanes[l] = true
	l.suffer(p.now)
	p.mu.Unlock()
	p.running.Go(func() {
		defer l.close()
		_ = l.copy(server, client)
	})
	if p.deaf {
		_ = p.copyWithoutNotifications(client, server)
	} else {
		_ = l.copy(client, server)
	}
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

// copyWithoutNotifications passes on what a server says but for NotificationResponse (PostgreSQL manual, "Message Formats":
// a byte for the kind, and a length that counts itself).
func (p *proxy) copyWithoutNotifications(to io.Writer, from io.Reader) error {
	in := bufio.NewReader(from)
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(in, head); err != nil {
			return err
		}
		message := make([]byte, 1+binary.BigEndian.Uint32(head[1:]))
		copy(message, head)
		if _, err := io.ReadFull(in, message[5:]); err != nil {
			return err
		}
		if head[0] == 'A' {
			p.kept.Add(1)
			continue
		}
		if _, err := to.Write(message); err != nil {
			return err
		}
	}
}
