package graph

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Config is what a server is made of.
type Config struct {
	Tenant *Tenant
	// Adversary makes it unpleasant; nil leaves it tame. It comes from [NewAdversary].
	Adversary *Adversary
	// Listen is a loopback address; empty: a free port of 127.0.0.1.
	Listen string
	// ClientID and ClientSecret are those of the one application; where empty they are drawn.
	ClientID, ClientSecret string
	// Certificate is what the application may sign assertions with instead.
	Certificate *x509.Certificate
	// Roles are the application's permissions; nil: User.Read.All and GroupMember.Read.All.
	Roles []string
	// TokenLifetime is how long access tokens hold; 0: an hour.
	TokenLifetime time.Duration
	// PageSize and LinksPerPage bound a page; 0: 100 rows, 200 links.
	PageSize, LinksPerPage int
	// Refused are properties that this tenant cannot select.
	Refused []string
}

// Server is Graph and the sign-in of one tenant, over TLS on loopback.
type Server struct {
	Config
	url    string
	ca     []byte
	key    []byte
	http   *http.Server
	ended  chan error
	mu     sync.Mutex // what can be changed while it serves
	roles  []string
	epoch  int
	logins int // tokens of former ones are refused
	asked  int
}

// Start starts a server. It ends with Close.
func Start(c Config) (*Server, error) {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if host, _, err := net.SplitHostPort(c.Listen); err != nil || !loopback(host) {
		return nil, fmt.Errorf("cannot listen on %q: the simulator takes loopback addresses alone, such as 127.0.0.1:0", c.Listen)
	}
	if c.ClientID == "" {
		c.ClientID = newIDs(1).next()
	}
	if c.ClientSecret == "" {
		c.ClientSecret = "sim~" + rand.Text()
	}
	if c.Roles == nil {
		c.Roles = []string{"User.Read.All", "GroupMember.Read.All"}
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = time.Hour
	}
	c.PageSize, c.LinksPerPage = max(c.PageSize, 0), max(c.LinksPerPage, 0)
	if c.PageSize == 0 {
		c.PageSize = 100
	}
	if c.LinksPerPage == 0 {
		c.LinksPerPage = 200
	}
	s := &Server{Config: c, roles: c.Roles, key: []byte(rand.Text()), ended: make(chan error, 1)}
	return s, s.listen()
}

func (s *Server) listen() error {
	certificate, ca, err := NewCertificate()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	s.ca, s.url = ca, "https://"+listener.Addr().String()
	s.http = &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: silent}
	// HTTP/1.1 alone: a connection that is cut then takes one request with it, not its neighbours.
	secure := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	go func() { s.ended <- s.http.Serve(secure) }()
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Close ends the server and the connections of its clients.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
	if err := <-s.ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// URL is the origin of Graph and of the authority: https and the address.
func (s *Server) URL() string { return s.url }

// CA is the certificate (PEM) that signed the server's.
func (s *Server) CA() []byte { return slices.Clone(s.ca) }

// Client returns a client that trusts the server.
func (s *Server) Client() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.ca)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}

// SetRoles changes the application's permissions. They count at once, also for tokens that are out.
func (s *Server) SetRoles(roles ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles = roles
}

// Expire lets every next and delta link lead nowhere that is out.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
}

// Revoke lets every access token be refused that is out.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins++
}

// Requests is how many requests to Graph there were, failed ones too.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *Server) routes() http.Handler {
	mux, login, graph := http.NewServeMux(), http.NewServeMux(), http.NewServeMux()
	s.routeLogin(login) // its first segment is any tenant
	s.routeAdmin(mux)
	s.routeGraph(graph)
	mux.Handle("/", login)
	mux.Handle("/v1.0/", graph)
	return mux
}

func (s *Server) routeGraph(mux *http.ServeMux) {
	for kind, roles := range map[Kind][]string{User: usersRead, Group: groupsRead} {
		path := "GET /v1.0/" + string(kind) + "s"
		mux.Handle(path, s.graph(s.list(kind), roles))
		mux.Handle(path+"/delta", s.graph(s.delta(kind), roles))
		mux.Handle(path+"/delta()", s.graph(s.delta(kind), roles))
		mux.Handle(path+"/microsoft.graph.delta()", s.graph(s.delta(kind), roles))
		mux.Handle(path+"/{id}", s.graph(s.one(kind), roles))
	}
	mux.Handle("GET /v1.0/users/{id}/manager", s.graph(s.manager, usersRead))
	mux.Handle("GET /v1.0/groups/{id}/members", s.graph(s.members, groupsRead))
	mux.Handle("GET /v1.0/organization", s.graph(s.organization, nil))
	mux.Handle("/", s.graph(func(*http.Request) (any, error) {
		return nil, badRequest("Resource not found for the segment.")
	}, nil))
}
