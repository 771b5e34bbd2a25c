package outbound

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// PrivateAddressError says that a connection was refused because its address is not of the public internet.
type PrivateAddressError struct {
	Address string
}

func (e *PrivateAddressError) Error() string {
	return fmt.Sprintf("the address %s is not of the public internet; where sources may be at such addresses, start Roster with ROSTER_ALLOW_PRIVATE_SOURCES=true", e.Address)
}

// GuardedDialer returns a dialer that connects to addresses of the public internet only. It looks at the address of each
// connection after the name was resolved, so that no answer of a name server leads past it. Its errors wrap a
// [PrivateAddressError].
func GuardedDialer() *net.Dialer {
	dialer := plainDialer()
	dialer.Control = func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !IsPublic(to.Addr()) {
			return &PrivateAddressError{Address: address}
		}
		return nil
	}
	return dialer
}

func plainDialer() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
}

// reserved are the blocks that are not of the public internet and that [netip.Addr] has no method for: the special-purpose
// registries of RFC 6890, and the address at which the hosts of a large cloud find their metadata.
var reserved = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"168.63.129.16/32",
	"::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
)

// embedding are the blocks of IPv6 addresses that stand for the IPv4 address which begins at a byte of theirs: NAT64 (RFC
// 6052) and 6to4 (RFC 3056).
var embedding = map[netip.Prefix]int{
	netip.MustParsePrefix("64:ff9b::/96"): 12,
	netip.MustParsePrefix("2002::/16"):    2,
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// IsPublic tells whether an address is of the public internet: not private, of this machine or link, of a group, of a
// cloud's metadata, or reserved; nor one that stands for such an address.
func IsPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if !address.IsGlobalUnicast() || address.IsPrivate() {
		return false
	}
	for _, block := range reserved {
		if block.Contains(address) {
			return false
		}
	}
	for block, at := range embedding {
		if block.Contains(address) {
			bytes := address.As16()
			return IsPublic(netip.AddrFrom4([4]byte(bytes[at : at+4])))
		}
	}
	return true
}
