package store

import (
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT (RFC 5482; tcp(7)), which package syscall does not name: how long sent data may stay
// without acknowledgement, in milliseconds.
const tcpUserTimeout = 18

// giveUpSilentPeers ends a connection whose peer acknowledges nothing any more.
func giveUpSilentPeers(network, _ string, conn syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return conn.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(silentPeer.Milliseconds())) // else the deadlines do
	})
}
