package activedirectory

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"

	"github.com/roster-gateway/roster/connector"
	sim "github.com/roster-gateway/roster/internal/sim/ldap"
)

func TestSignInsThatAreRefused(t *testing.T) {
	t.Parallel()
	server := started(t, sim.Config{})
	for code, want := range map[string]struct {
		code connector.Code
		text string
	}{
		"52e": {connector.Misconfigured, "does not take the account and the password"},
		"525": {connector.Misconfigured, "knows no account"},
		"530": {connector.Unavailable, "time of day"},
		"532": {connector.NeedsConsent, "has expired"},
		"533": {connector.NeedsConsent, "is disabled"},
		"701": {connector.NeedsConsent, "Prolong"},
		"773": {connector.NeedsConsent, "change its password"},
		"775": {connector.Unavailable, "is locked"},
		"abc": {connector.Misconfigured, "does not take the sign-in"},
	} {
		server.Refuse(code)
		_, err := read(t, opened(t, server, nil), nil)
		if codeOf(err) != want.code || !strings.Contains(err.Error(), want.text) || strings.Contains(err.Error(), server.Password) {
			t.Errorf("%s: %v", code, err)
		}
	}
	server.Refuse("")
	_, err := read(t, opened(t, server, map[string]string{keyPassword: "wrong"}), nil)
	if codeOf(err) != connector.Misconfigured {
		t.Errorf("a wrong password: %v", err)
	}
}

// A password that one controller refuses is not tried at the next one, which would bring the account nearer to be locked.
func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	first, second := started(t, sim.Config{}), started(t, sim.Config{})
	s := opened(t, first, map[string]string{
		keyURLs: first.URL() + ", " + second.URL(), keyPassword: "wrong", "tls.caCertificate": string(first.CA()) + string(second.CA()),
	})
	if _, err := read(t, s, nil); codeOf(err) != connector.Misconfigured {
		t.Fatal(err)
	}
	if n := first.SignIns() + second.SignIns(); n != 1 {
		t.Errorf("it was tried %d times", n)
	}
}

func TestAnotherControllerTakesOver(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(3)
	domain.Populate(10, 3, 3)
	first, second := started(t, sim.Config{Domain: domain}), started(t, sim.Config{Domain: domain})
	second.Password = first.Password
	s := opened(t, first, map[string]string{keyURLs: first.URL() + "," + second.URL(), "tls.caCertificate": string(first.CA()) + string(second.CA())})
	whole := mustRead(t, s, nil)
	if got := mustRead(t, s, whole.state); len(got.ids) > 0 {
		t.Errorf("nothing has changed, and %d are told", len(got.ids))
	}
	_ = first.Close()
	if _, err := read(t, s, whole.state); codeOf(err) != connector.StateExpired {
		t.Fatalf("another controller goes on with the cookies: %v", err)
	}
	if again := mustRead(t, s, nil); len(again.ids) != len(whole.ids) {
		t.Errorf("the second one tells %d of %d", len(again.ids), len(whole.ids))
	}
}

func TestConnectionsAreSecured(t *testing.T) {
	t.Parallel()
	secure, upgraded := started(t, sim.Config{}), started(t, sim.Config{StartTLS: true})
	other := started(t, sim.Config{})
	for name, c := range map[string]struct {
		server *sim.Server
		change map[string]string
		want   connector.Code
		text   string
	}{
		"LDAPS":                          {secure, nil, 0, ""},
		"StartTLS":                       {upgraded, nil, 0, ""},
		"the certificate of another one": {secure, map[string]string{"tls.caCertificate": string(other.CA())}, connector.Misconfigured, "not trusted"},
		"the same after StartTLS":        {upgraded, map[string]string{"tls.caCertificate": string(other.CA())}, connector.Misconfigured, "not trusted"},
		"StartTLS where TLS is spoken":   {secure, map[string]string{keyURLs: strings.Replace(secure.URL(), "ldaps", "ldap", 1)}, connector.Unavailable, "Roster tries again"},
		"TLS where StartTLS is":          {upgraded, map[string]string{keyURLs: strings.Replace(upgraded.URL(), "ldap", "ldaps", 1)}, connector.Unavailable, "Roster tries again"},
	} {
		_, err := read(t, opened(t, c.server, c.change), nil)
		switch {
		case c.text == "":
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case codeOf(err) != c.want || !strings.Contains(err.Error(), c.text):
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	server := started(t, sim.Config{})
	s, err := Type.Open(connector.Config{Values: configOf(server)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, s, nil); codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), "not of the public internet") {
		t.Errorf("it is read: %v", err)
	}
	var failed []connector.Check
	s.Check(t.Context(), func(c connector.Check) {
		if !c.OK {
			failed = append(failed, c)
		}
	})
	if len(failed) != 1 || failed[0].Name != "name resolution" {
		t.Errorf("%+v", failed)
	}
	if server.SignIns() > 0 {
		t.Error("it was reached")
	}
}

// raw answers each connection by a script.
func raw(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); answer(c) }()
		}
	}()
	return "ldap://" + l.Addr().String()
}

// The password is not said where TLS does not begin.
func TestNoTLSNoSignIn(t *testing.T) {
	t.Parallel()
	heard := make(chan []byte, 1)
	url := raw(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1000))
		_, _ = c.Write([]byte{0x30, 0x0c, 0x02, 0x01, 0x00, 0x78, 0x07, 0x0a, 0x01, 0x02, 0x04, 0x00, 0x04, 0x00}) // protocolError
		rest, _ := io.ReadAll(c)
		heard <- rest
	})
	s, err := patient().Open(connector.Config{AllowPrivate: true, Values: map[string]string{keyURLs: url, keyBindDN: "a", keyPassword: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, s, nil); codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), "StartTLS") {
		t.Errorf("it is read: %v", err)
	}
	if rest := <-heard; len(rest) > 0 {
		t.Errorf("it was told %x", rest)
	}
}

// Where there is no such folder, nothing is read, and nothing is taken for an empty one.
func TestABaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := opened(t, started(t, sim.Config{}), map[string]string{keyBaseDN: "OU=Nowhere,DC=corp,DC=example"})
	got, err := read(t, s, nil)
	if codeOf(err) != connector.Misconfigured || !strings.Contains(err.Error(), keyBaseDN) || len(got.ids) > 0 {
		t.Errorf("%d are told (%v)", len(got.ids), err)
	}
	var last connector.Check
	s.Check(t.Context(), func(c connector.Check) { last = c })
	if last.Name != "base" || last.OK {
		t.Errorf("%+v", last)
	}
}

// Whoever announces gigabytes, nests without an end or says nothing at all is cut off.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string][]byte{
		"4 GB":             {0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01, 0x00},
		"a length of 2^63": {0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"nesting":          []byte(strings.Repeat("\x30\x80", 5000)),
		"a web page":       []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"nothing":          nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := raw(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 1000))
				_, _ = c.Write(answer)
			})
			s, err := patient().Open(connector.Config{AllowPrivate: true, Values: map[string]string{keyURLs: url, keyBindDN: "a", keyPassword: "b"}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := read(t, s, nil); connector.AsError(err) == nil {
				t.Errorf("it is taken: %v", err)
			}
		})
	}
}

// An answer that goes on and on ends at its bound, whatever its parts are.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	go func() {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := there.Write(chunk); err != nil {
				return
			}
		}
	}()
	w := &wire{Conn: here}
	w.answers()
	n, err := io.Copy(io.Discard, w)
	_ = here.Close()
	if n > maxAnswer || err == nil || !errors.Is(w.failure(), err) {
		t.Errorf("%d bytes were read (%v)", n, err)
	}
	if ber.MaxPacketLengthBytes != maxAnswer || ber.MaxNestingDepth != maxNesting {
		t.Error("packets are not bounded")
	}
}

func TestAContextEndsARead(t *testing.T) {
	t.Parallel()
	url := raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }) // it listens, and never answers
	s, err := patient().Open(connector.Config{AllowPrivate: true, Values: map[string]string{keyURLs: url, keyBindDN: "a", keyPassword: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Read(ctx, connector.From{}, func(context.Context, connector.Page) error { return nil })
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("it waits for who does not answer")
	}
}
