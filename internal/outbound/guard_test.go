package outbound_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/roster-gateway/roster/internal/outbound"
)

func TestN1PublicAddresses(t *testing.T) {
	t.Parallel()
	for public, addresses := range map[bool]string{
		true: "8.8.8.8 20.190.128.1 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 169.253.1.1 168.63.129.17 2603:1030::1 2a00:1450::1 " +
			"::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1",
		false: "0.0.0.0 0.1.2.3 10.0.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.100.100.200 " +
			"192.0.0.192 198.18.0.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16 192.0.2.1 " +
			":: ::1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 " +
			"64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1 2002:7f00:1::1 2002:a00:1::1 2001::1 2001:db8::1 fec0::1",
	} {
		for _, address := range strings.Fields(addresses) {
			if outbound.IsPublic(netip.MustParseAddr(address)) != public {
				t.Errorf("%s: public has to be %v", address, public)
			}
		}
	}
	if outbound.IsPublic(netip.Addr{}) {
		t.Error("no address is public")
	}
}

// TestN1PrivateAddressesAreRefused asks a server of this machine by all the names that it goes by: some name servers and
// libraries read these spellings as 127.0.0.1, others as no address at all, but nobody gets there.
func TestN1PrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	guarded := client(t, outbound.Config{PublicOnly: true})
	for host, sure := range map[string]bool{ // whether it is an address whatever the machine
		"127.0.0.1": true, "localhost": true, "[::ffff:127.0.0.1]": true, "[::ffff:7f00:1]": true, "[::1]": true, "0.0.0.0": true, "[::]": true,
		"169.254.169.254": true, "[fd00:ec2::254]": true, "10.0.0.1": true, "[fe80::1%25lo]": true, "[64:ff9b::7f00:1]": true,
		"127.1": false, "2130706433": false, "0x7f000001": false, "0177.0.0.1": false, "127.0.0.1.": false, "localhost.": false, "127%2e0%2e0%2e1": false,
		"①②⑦.0.0.1": false, "127。0。0。1": false, "0": false,
	} {
		_, err := outbound.Get(t.Context(), guarded, "http://"+host+":"+port)
		if err == nil {
			t.Errorf("%s is asked", host)
		}
		private := (*outbound.PrivateAddressError)(nil)
		if refused := errors.As(err, &private); sure && (!refused || !strings.Contains(err.Error(), "ROSTER_ALLOW_PRIVATE_SOURCES=true")) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked.Load() > 0 {
		t.Error("the server was reached")
	}
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{}), "http://localhost:"+port); err != nil {
		t.Errorf("without the guard: %v", err)
	}
}

// TestN1TheGuardIsPassedByNoProxy: what a proxy of the environment connects to, the guard does not see.
func TestN1TheGuardIsPassedByNoProxy(t *testing.T) {
	proxied := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied = true }))
	t.Cleanup(proxy.Close)
	for _, variable := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(variable, proxy.URL)
	}
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{PublicOnly: true}), "http://10.0.0.1/"); !errors.As(err, new(*outbound.PrivateAddressError)) {
		t.Errorf("%v", err)
	}
	if proxied {
		t.Error("the proxy was asked")
	}
}

// TestN1NoRedirectIsFollowed: wherever one leads, its answer is what the caller gets.
func TestN1NoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	reached := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	t.Cleanup(inside.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside.URL, status) }))
		if _, err := outbound.Get(t.Context(), client(t, outbound.Config{}), server.URL); err == nil || !strings.Contains(err.Error(), strconv.Itoa(status)) {
			t.Errorf("%d: %v", status, err)
		}
		server.Close()
	}
	if reached {
		t.Error("a redirect is followed")
	}
}
