package ldap

import (
	"bufio"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/internal/sim/graph"
)

// Config is what a server is made of.
type Config struct {
	Domain *Domain
	// Adversary makes it unpleasant; nil leaves it tame. It comes from [NewAdversary].
	Adversary *Adversary
	// Listen is a loopback address; empty: a free port of 127.0.0.1.
	Listen string
	// StartTLS has connections begin without TLS.
	StartTLS bool
	// NoReplication takes the right to replicate from the account.
	NoReplication bool
	// HidesDeleted tells nothing that is deleted, though the account may replicate. So does Samba where it may not list the
	// folder of what is deleted.
	HidesDeleted bool
	// PageSize, ValuesPerAnswer and ChangesPerPage bound answers; 0: 1000 objects, 1500 values of a link, 1000 objects or
	// values of links.
	PageSize, ValuesPerAnswer, ChangesPerPage int
	// SearchesPerConnection is how many searches a connection lives for; 0: it does not end by itself.
	SearchesPerConnection int
	// ForgottenCookie is the result code for a cookie of DirSync that is not known; 0: unavailableCriticalExtension.
	ForgottenCookie int64
}

// Server is one domain controller on loopback.
type Server struct {
	Config
	// Account and Password are those of the one account.
	Account, Password string

	listener net.Listener
	tls      *tls.Config
	ca       []byte
	done     sync.WaitGroup
	mu       sync.Mutex // what can be changed while it serves
	open     map[net.Conn]bool
	closed   bool
	refusal  string
	dc       uuid.UUID
	asked    int
	signIns  int
}

// Start starts a server. It ends with Close.
func Start(c Config) (*Server, error) {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("cannot listen on %q: the simulator takes loopback addresses alone, such as 127.0.0.1:0", c.Listen)
	}
	for _, bound := range []struct {
		value *int
		usual int
	}{{&c.PageSize, 1000}, {&c.ValuesPerAnswer, 1500}, {&c.ChangesPerPage, 1000}} {
		if *bound.value <= 0 {
			*bound.value = bound.usual
		}
	}
	if c.ForgottenCookie == 0 {
		c.ForgottenCookie = ldap.LDAPResultUnavailableCriticalExtension
	}
	certificate, ca, err := graph.NewCertificate()
	if err != nil {
		return nil, err
	}
	s := &Server{
		Config: c, Account: "roster@corp.example", Password: "sim~" + rand.Text(), ca: ca, open: map[net.Conn]bool{}, dc: uuid.New(),
		tls: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	if s.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, err
	}
	s.done.Add(1)
	go s.accept()
	return s, nil
}

// URL is the address: ldaps, or ldap where connections begin without TLS.
func (s *Server) URL() string {
	if s.StartTLS {
		return "ldap://" + s.listener.Addr().String()
	}
	return "ldaps://" + s.listener.Addr().String()
}

// CA is the certificate (PEM) that signed the server's.
func (s *Server) CA() []byte { return slices.Clone(s.ca) }

// Close ends the server and the connections of its clients.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for c := range s.open {
		_ = c.Close()
	}
	s.mu.Unlock()
	err := s.listener.Close()
	s.done.Wait()
	return err
}

// FailOver makes it another domain controller of the domain.
func (s *Server) FailOver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dc = uuid.New()
}

// Refuse has sign-ins refused with that code of Windows in hexadecimal, such as 533; empty: taken.
func (s *Server) Refuse(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = code
}

// Searches is how many searches there were, failed ones too.
func (s *Server) Searches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// SignIns is how many sign-ins there were, refused ones too.
func (s *Server) SignIns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signIns
}

func (s *Server) accept() {
	defer s.done.Done()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.open[c] = true; s.closed {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.done.Add(1)
		go func() {
			defer s.done.Done()
			s.serve(c)
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
			_ = c.Close()
		}()
	}
}

// client is one connection.
type client struct {
	server *Server
	net.Conn
	in     *bufio.Reader
	secure bool
	bound  bool
	asked  int
	pages  map[string][]*object // what there is left of searches, by their cookies
}

func (s *Server) serve(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(10 * time.Minute))
	c := &client{server: s, Conn: conn, in: bufio.NewReader(conn), pages: map[string][]*object{}}
	if !s.StartTLS {
		c.secured()
	}
	for {
		request, err := ber.ReadPacket(c.in)
		if err != nil || len(request.Children) < 2 || !c.answer(request) {
			return
		}
	}
}

func (c *client) secured() {
	c.Conn = tls.Server(c.Conn, c.server.tls)
	c.in, c.secure = bufio.NewReader(c.Conn), true
}

// answer answers one request. It reports false where the connection ends with it.
func (c *client) answer(request *ber.Packet) bool {
	id, op := request.Children[0].Value, request.Children[1]
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		return c.bind(id, op)
	case ldap.ApplicationSearchRequest:
		return c.search(id, op, controlsOf(request))
	case ldap.ApplicationExtendedRequest:
		if c.secure || len(op.Children) == 0 || op.Children[0].Data.String() != "1.3.6.1.4.1.1466.20037" {
			return c.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, "")
		}
		ok := c.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultSuccess, "")
		c.secured()
		return ok
	case ldap.ApplicationAbandonRequest:
		return true
	}
	return false // unbind, and what nobody asks for
}

func (c *client) bind(id any, op *ber.Packet) bool {
	s := c.server
	s.mu.Lock()
	code := s.refusal
	s.signIns++
	s.mu.Unlock()
	if !c.secure {
		return c.result(id, ldap.ApplicationBindResponse, ldap.LDAPResultStrongAuthRequired, "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not already active on the connection, data 0, v3839")
	}
	if len(op.Children) != 3 || op.Children[1].Data.String() != s.Account || op.Children[2].Data.String() != s.Password {
		code = "52e"
	}
	if c.bound = code == ""; !c.bound {
		return c.result(id, ldap.ApplicationBindResponse, ldap.LDAPResultInvalidCredentials, "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data "+code+", v3839\x00")
	}
	return c.result(id, ldap.ApplicationBindResponse, ldap.LDAPResultSuccess, "")
}

// result sends the result of an operation (RFC 4511 section 4.1.9), with controls or without.
func (c *client) result(id any, op ber.Tag, code int64, text string, controls ...*ber.Packet) bool {
	done := ber.Encode(ber.ClassApplication, ber.TypeConstructed, op, nil, "")
	done.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	done.AppendChild(octetString(""))
	done.AppendChild(octetString(text))
	return c.send(id, done, controls...)
}

func (c *client) send(id any, op *ber.Packet, controls ...*ber.Packet) bool {
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	message.AppendChild(op)
	if len(controls) > 0 {
		all := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, control := range controls {
			all.AppendChild(control)
		}
		message.AppendChild(all)
	}
	_, err := c.Write(message.Bytes())
	return err == nil
}

func octetString(text string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, text, "")
}

// controlsOf are the values of the controls of a request, by what they are called.
func controlsOf(request *ber.Packet) map[string][]byte {
	out := map[string][]byte{}
	if len(request.Children) < 3 {
		return out
	}
	for _, control := range request.Children[2].Children {
		if len(control.Children) > 0 {
			out[control.Children[0].Data.String()] = control.Children[len(control.Children)-1].Data.Bytes()
		}
	}
	return out
}
