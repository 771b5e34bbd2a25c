package outbound_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/outbound"
)

func TestIsPublic(t *testing.T) {
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

func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(server.Close)
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	for _, address := range []string{server.URL, byName} {
		_, err := outbound.Get(t.Context(), client(t, outbound.Config{PublicOnly: true}), address)
		private := (*outbound.PrivateAddressError)(nil)
		if !errors.As(err, &private) || !strings.Contains(err.Error(), "ROSTER_ALLOW_PRIVATE_SOURCES=true") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if asked {
		t.Error("the server was reached")
	}
	if _, err := outbound.Get(t.Context(), client(t, outbound.Config{}), byName); err != nil {
		t.Errorf("without the guard: %v", err)
	}
}
