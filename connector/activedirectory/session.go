package activedirectory

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/dialing"
	"github.com/roster-gateway/roster/internal/outbound"
)

// session is a connection to one domain controller, signed in.
type session struct {
	source *source
	host   string
	wire   *wire
	conn   *ldap.Conn
	free   func() bool
	root
	// base is the name below which is read.
	base string
	// groups are the keys of primary groups by their SIDs, as far as they were asked for; empty: not read.
	groups map[string]string
}

// root is what a domain controller says about itself.
type root struct {
	// dc is the id of its database, the invocationId: changes are counted by it.
	dc string
	// domain is the distinguished name of its domain.
	domain string
	// replicates says that the account may ask what has changed.
	replicates bool
	// recycles says that what is deleted there may be kept whole for a while, and restored.
	recycles bool
}

// connect signs in to the first domain controller that answers, and where one is named, to that.
func (s *source) connect(ctx context.Context, dc string) (*session, error) {
	var unanswered error
	others := false
	for _, u := range s.urls {
		c, err := s.signIn(ctx, u)
		switch explained := connector.AsError(err); {
		case err == nil && (dc == "" || c.dc == dc):
			return c, nil
		case err == nil:
			others = true
			c.close()
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case explained == nil || explained.Code != connector.Unavailable:
			// A password that is wrong here is wrong everywhere, and each try brings the account nearer to be locked.
			return nil, err
		case unanswered == nil:
			unanswered = err
		}
	}
	if others {
		return nil, connector.Errorf(connector.StateExpired, "The domain controller that was read before does not answer, and another one counts changes in a way of its own. Everything is read again.")
	}
	return nil, unanswered
}

// signIn connects to one domain controller, and asks what it is.
func (s *source) signIn(ctx context.Context, u *url.URL) (*session, error) {
	c, err := s.reach(ctx, u)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{c.bind, c.meet} {
		if err := step(ctx); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// reach makes a connection that is secured. Nothing was said over it but that.
func (s *source) reach(ctx context.Context, u *url.URL) (*session, error) {
	c := &session{source: s, host: u.Hostname(), groups: map[string]string{}}
	within, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	raw, err := s.dialer.DialContext(within, "tcp", hostPort(u))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	c.free = context.AfterFunc(ctx, func() { _ = raw.Close() })
	c.wire = &wire{Conn: raw, left: maxAnswer}
	_ = raw.SetDeadline(time.Now().Add(connectLimit))
	if u.Scheme == "ldap" {
		err = startTLS(c.wire)
	}
	secure := s.tls.Clone()
	secure.ServerName = c.host
	wrapped := tls.Client(c.wire, secure)
	if err == nil {
		err = wrapped.HandshakeContext(within)
	}
	if err != nil {
		c.free()
		_ = raw.Close()
		return nil, c.unreachable(ctx, err)
	}
	_ = raw.SetDeadline(time.Time{})
	c.conn = ldap.NewConn(wrapped, true)
	c.conn.SetTimeout(requestLimit)
	c.conn.Start()
	return c, nil
}

// unreachable says why there is no connection.
func (c *session) unreachable(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case connector.AsError(err) != nil:
		return err
	}
	return dialing.Unreachable(c.host, err)
}

// startTLS asks for TLS on a connection (RFC 4511 section 4.14).
func startTLS(w *wire) error {
	request := ber.NewSequence("LDAPMessage")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(0), "messageID"))
	extended := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "extendedReq")
	extended.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", "requestName"))
	request.AppendChild(extended)
	if _, err := w.Write(request.Bytes()); err != nil {
		return err
	}
	answer, err := ber.ReadPacket(w)
	if err != nil {
		return err
	}
	if err := ldap.GetLDAPError(answer); err != nil {
		return connector.Errorf(connector.Misconfigured, "The domain controller begins no TLS by StartTLS. Give it a certificate, or set %s to an ldaps:// address.", keyURLs)
	}
	return nil
}

func (c *session) bind(ctx context.Context) error {
	c.wire.answers()
	if err := c.conn.Bind(c.source.account, c.source.password); err != nil {
		return c.fault(ctx, err)
	}
	return nil
}

// The controls and capabilities of [MS-ADTS] that are needed.
const (
	capabilityActiveDirectory = "1.2.840.113556.1.4.800"
	controlPaged              = ldap.ControlTypePaging
	controlExtendedDN         = ldap.ControlTypeMicrosoftExtendedDN
	controlSDFlags            = ldap.ControlTypeMicrosoftSDFlags
	controlDirSync            = ldap.ControlTypeDirSync
)

// functionality2008R2 is the first level of a forest with a recycle bin.
const functionality2008R2 = 4

// meet reads what the domain controller is.
func (c *session) meet(ctx context.Context) error {
	root, err := c.one(ctx, "", []string{"supportedCapabilities", "supportedControl", "defaultNamingContext", "dsServiceName", "forestFunctionality", "tokenGroups"}, nil)
	if err != nil {
		return err
	}
	if root == nil || !slices.Contains(root.GetEqualFoldAttributeValues("supportedCapabilities"), capabilityActiveDirectory) {
		return connector.Errorf(connector.Misconfigured, "%s is an LDAP server, but no domain controller of Active Directory. Look at %s.", c.host, keyURLs)
	}
	controls := root.GetEqualFoldAttributeValues("supportedControl")
	for _, needed := range []string{controlPaged, controlExtendedDN} {
		if !slices.Contains(controls, needed) {
			return connector.Errorf(connector.Misconfigured, "%s does not know the control %s, which Roster needs.", c.host, needed)
		}
	}
	c.domain, c.base = root.GetEqualFoldAttributeValue("defaultNamingContext"), c.source.base
	if c.base == "" {
		c.base = c.domain
	}
	level, _ := strconv.Atoi(root.GetEqualFoldAttributeValue("forestFunctionality"))
	c.recycles = level >= functionality2008R2
	c.dc = root.GetEqualFoldAttributeValue("dsServiceName")
	service, err := c.one(ctx, c.dc, []string{"invocationId"}, nil)
	if err != nil {
		return err
	}
	if service != nil {
		if id, ok := guidText(service.GetEqualFoldRawAttributeValue("invocationId")); ok {
			c.dc = id
		}
	}
	if c.source.mode == modeFull || c.source.filtered() || !slices.Contains(controls, controlDirSync) {
		return nil
	}
	c.replicates, err = c.mayReplicate(ctx, root.GetEqualFoldRawAttributeValues("tokenGroups"))
	return err
}

func (c *session) close() {
	if c.free() { // else its context has closed it
		_ = c.conn.Close()
	}
}

// search asks once. Where a search leads elsewhere is not followed.
func (c *session) search(ctx context.Context, request *ldap.SearchRequest) (*ldap.SearchResult, error) {
	c.wire.answers()
	result, err := c.conn.Search(request)
	if err != nil {
		return nil, c.fault(ctx, err)
	}
	return result, nil
}

// one reads one object by its name; nil where there is none, or none that the account may see.
func (c *session) one(ctx context.Context, dn string, attributes []string, controls []ldap.Control) (*ldap.Entry, error) {
	result, err := c.search(ctx, &ldap.SearchRequest{BaseDN: dn, Scope: ldap.ScopeBaseObject, Filter: "(objectClass=*)", Attributes: attributes, Controls: controls})
	switch {
	case hasCode(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInsufficientAccessRights):
		return nil, nil
	case err != nil:
		return nil, err
	case len(result.Entries) != 1:
		return nil, nil
	}
	return result.Entries[0], nil
}

// fault explains why a request came to nothing.
func (c *session) fault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed := c.wire.failure(); failed != nil {
		if errors.Is(failed, outbound.ErrTooLarge) {
			return connector.Errorf(connector.Misconfigured, "%s gave an answer of more than %d MiB. It is not read.", c.host, maxAnswer>>20)
		}
		return dialing.Unreachable(c.host, failed)
	}
	return explain(c.host, err)
}
