// Package dialing is what connectors share of reaching a source: why it gives no answer, in words, and the wait before the next try.
package dialing

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/internal/outbound"
)

// Unreachable says why a host gave no answer. The address that was asked is left out: its query may hold a token.
func Unreachable(host string, err error) *connector.Error {
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	explained := &connector.Error{Code: connector.Unavailable, Cause: errors.New(outbound.Printable(err.Error()))}
	private, untrusted, name := (*outbound.PrivateAddressError)(nil), (*tls.CertificateVerificationError)(nil), (*net.DNSError)(nil)
	switch timeout := net.Error(nil); {
	case errors.As(err, &private):
		explained.Code, explained.Message = connector.Misconfigured, fmt.Sprintf("Roster does not connect to %s: %s.", host, private.Error())
	case errors.As(err, &untrusted):
		explained.Code, explained.Message = connector.Misconfigured, fmt.Sprintf("The TLS certificate of %s is not trusted: %s. If it comes from an authority of your own, set %s.", host, outbound.Printable(untrusted.Err.Error()), connector.CACertificate.Key)
	case errors.As(err, &name):
		explained.Message = fmt.Sprintf("The name %s cannot be resolved. Look at its spelling and at the name servers of this machine.", host)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		explained.Message = fmt.Sprintf("%s does not answer in time. Roster tries again.", host)
	default:
		explained.Message = fmt.Sprintf("The connection to %s failed or broke off. Roster tries again.", host)
	}
	return explained
}
