package ratelimit

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/roster-gateway/roster/directory"
)

// WrongTokens counts, by address, the requests whose token was wrong. It is asked after a token was found wrong, so that a
// good one is let in whatever others try from behind the same address.
type WrongTokens struct {
	buckets *Buckets[netip.Prefix]
	trusted []netip.Prefix
	now     func() time.Time
}

// NewWrongTokens allows each address so many wrong tokens a minute. Trusted are the networks of proxies whose
// X-Forwarded-For is believed. A limit of 0 is none, and nil.
func NewWrongTokens(perMinute int64, trusted []netip.Prefix) *WrongTokens {
	if perMinute <= 0 {
		return nil
	}
	return &WrongTokens{buckets: NewBuckets[netip.Prefix](perMinute, time.Minute/time.Duration(perMinute)), trusted: trusted, now: time.Now}
}

// Count counts a request whose token was wrong. Its error, a [directory.Error] of CodeRateLimited, is what to answer where
// its address sent too many; nil says that the request is refused as any other. A request without a token tries none.
func (w *WrongTokens) Count(r *http.Request) error {
	if w == nil || len(r.Header["Authorization"]) == 0 {
		return nil
	}
	level := w.buckets.Take(w.network(r), 1, w.now())
	if level.Taken {
		return nil
	}
	return &directory.Error{
		Code: directory.CodeRateLimited, RetryAfter: level.Wait,
		Message: fmt.Sprintf("Too many requests with a wrong access token come from this address. Try again in %d s.", wholeSeconds(level.Wait)),
	}
}

// network is the address that a request comes from: of IPv6 the 64 bits that a site has, within which addresses cost
// nothing.
func (w *WrongTokens) network(r *http.Request) netip.Prefix {
	address := w.client(r)
	bits := 64
	if address.Is4() {
		bits = 32
	}
	network, _ := address.Prefix(bits) // the zero Prefix for the zero Addr
	return network
}

// client is the address of the client: that of the connection, and behind trusted proxies the last in X-Forwarded-For
// that is not one of theirs. What comes before it the client may have written itself.
func (w *WrongTokens) client(r *http.Request) netip.Addr {
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	address := peer.Addr().Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for len(hops) > 0 && w.trusts(address) {
		hop, ok := parseHop(strings.TrimSpace(hops[len(hops)-1]))
		if !ok {
			break
		}
		address, hops = hop.Unmap().WithZone(""), hops[:len(hops)-1]
	}
	return address
}

// parseHop reads an address, with a port where the proxy writes one.
func parseHop(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr(), true
	}
	address, err := netip.ParseAddr(text)
	return address, err == nil
}

func (w *WrongTokens) trusts(address netip.Addr) bool {
	for _, network := range w.trusted {
		if network.Contains(address) {
			return true
		}
	}
	return false
}
