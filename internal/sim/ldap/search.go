package ldap

import (
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// query is a search as it was asked for.
type query struct {
	base       string
	scope      int64
	filter     *ber.Packet
	attributes []string
	controls   map[string][]byte
}

func (q query) has(control string) bool { _, ok := q.controls[control]; return ok }

func (q query) extended() bool { return q.has(ldap.ControlTypeMicrosoftExtendedDN) }

const dsService = "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,"

func (c *client) search(id any, op *ber.Packet, controls map[string][]byte) bool {
	const done = ldap.ApplicationSearchResultDone
	s := c.server
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	if c.asked++; s.SearchesPerConnection > 0 && c.asked > s.SearchesPerConnection {
		return false
	}
	if len(op.Children) != 8 {
		return c.result(id, done, ldap.LDAPResultProtocolError, "")
	}
	q := query{base: op.Children[0].Data.String(), filter: op.Children[6], controls: controls}
	q.scope, _ = op.Children[1].Value.(int64)
	for _, a := range op.Children[7].Children {
		q.attributes = append(q.attributes, a.Data.String())
	}
	if q.base == "" && q.scope == ldap.ScopeBaseObject {
		return c.entry(id, "", s.rootDSE(q.attributes)) && c.result(id, done, ldap.LDAPResultSuccess, "")
	}
	if !c.bound {
		return c.result(id, done, ldap.LDAPResultOperationsError, "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v3839")
	}
	s.Adversary.churn(s.Domain)
	switch s.Adversary.fault() {
	case busy:
		return c.result(id, done, ldap.LDAPResultBusy, "")
	case unavailable:
		return c.result(id, done, ldap.LDAPResultUnavailable, "")
	case reset:
		return false
	case torn:
		c.entry(id, "CN=torn,"+s.Domain.DN, nil)
		return false
	}
	s.Domain.mu.Lock()
	defer s.Domain.mu.Unlock()
	switch {
	case strings.EqualFold(q.base, dsService+s.Domain.DN):
		s.mu.Lock()
		dc := s.dc
		s.mu.Unlock()
		return c.entry(id, q.base, []attribute{{"invocationId", [][]byte{guid(dc)}}}) && c.result(id, done, ldap.LDAPResultSuccess, "")
	case q.has(ldap.ControlTypeDirSync):
		return c.dirSync(id, q)
	}
	return c.find(id, q)
}

func (s *Server) rootDSE(asked []string) (out []attribute) {
	token := [][]byte{everybody}
	if !s.NoReplication {
		token = append(token, replicators)
	}
	texts := map[string][]string{
		"supportedCapabilities": {"1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"},
		"supportedControl":      {ldap.ControlTypePaging, ldap.ControlTypeDirSync, ldap.ControlTypeMicrosoftExtendedDN, ldap.ControlTypeMicrosoftSDFlags},
		"defaultNamingContext":  {s.Domain.DN}, "dsServiceName": {dsService + s.Domain.DN}, "forestFunctionality": {"7"},
	}
	for _, name := range asked {
		if name == "tokenGroups" {
			out = append(out, attribute{name, token})
		}
		for known, values := range texts {
			if strings.EqualFold(known, name) {
				a := attribute{name: known}
				for _, value := range values {
					a.values = append(a.values, []byte(value))
				}
				out = append(out, a)
			}
		}
	}
	return out
}

// find answers a search for what is there, page by page where that is asked for.
func (c *client) find(id any, q query) bool {
	const done = ldap.ApplicationSearchResultDone
	s, d := c.server, c.server.Domain
	base := d.byName(q.base)
	if base == nil {
		return c.result(id, done, ldap.LDAPResultNoSuchObject, "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'"+d.DN+"'\n")
	}
	found, size, cookie := d.under(base, q), s.PageSize+1, ""
	if value, ok := q.controls[ldap.ControlTypePaging]; ok {
		asked := ber.DecodePacket(value)
		if asked == nil || len(asked.Children) != 2 {
			return c.result(id, done, ldap.LDAPResultProtocolError, "")
		}
		n, _ := asked.Children[0].Value.(int64)
		size = s.Adversary.split(min(int(n), s.PageSize))
		if cookie = asked.Children[1].Data.String(); cookie != "" {
			rest, known := c.pages[cookie]
			if delete(c.pages, cookie); !known {
				return c.result(id, done, ldap.LDAPResultUnwillingToPerform, "00000057: LdapErr: DSID-0C090A85, comment: Error processing control, data 0, v3839")
			}
			found = rest
		} else {
			s.Adversary.shuffle(found)
		}
	}
	part := found[:min(size, len(found))]
	for _, o := range part {
		if yes, _ := d.matches(o, q.filter); yes && o.below(base) { // as it is now
			attributes, ok := d.attributes(o, q, s.ValuesPerAnswer)
			if !ok {
				return c.result(id, done, ldap.LDAPResultOperationsError, "00002121: SvcErr: DSID-031402BC, problem 5003 (WILL_NOT_PERFORM), data 0")
			}
			if !c.entry(id, string(d.shown(o, q.extended())), attributes) {
				return false
			}
		}
	}
	if s.Adversary.refers() {
		reference := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
		reference.AppendChild(octetString("ldap://elsewhere.corp.example/DC=elsewhere," + d.DN))
		c.send(id, reference)
	}
	if !q.has(ldap.ControlTypePaging) {
		code := int64(ldap.LDAPResultSuccess)
		if len(found) > size {
			code = ldap.LDAPResultSizeLimitExceeded
		}
		return c.result(id, done, code, "")
	}
	if cookie = ""; len(found) > len(part) {
		cookie = fmt.Sprintf("page %d of %p", len(c.pages)+len(found), c)
		c.pages[cookie] = found[len(part):]
	}
	value := ber.NewSequence("")
	value.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(0), ""))
	value.AppendChild(octetString(cookie))
	return c.result(id, done, ldap.LDAPResultSuccess, "", control(ldap.ControlTypePaging, value))
}

func control(oid string, value *ber.Packet) *ber.Packet {
	out := ber.NewSequence("")
	out.AppendChild(octetString(oid))
	out.AppendChild(octetString(string(value.Bytes())))
	return out
}

// under are the objects that a search is about.
func (d *Domain) under(base *object, q query) (out []*object) {
	if q.scope == ldap.ScopeBaseObject {
		if yes, _ := d.matches(base, q.filter); yes {
			out = append(out, base)
		}
		return out
	}
	for _, o := range d.all {
		if yes, _ := d.matches(o, q.filter); yes && o.below(base) && o != d.bin {
			out = append(out, o)
		}
	}
	return out
}

// attributes are those that a search asks for of an object. It reports false for a range that is not there.
func (d *Domain) attributes(o *object, q query, most int) (out []attribute, ok bool) {
	for _, name := range q.attributes {
		switch plain, _, _ := strings.Cut(name, ";"); {
		case plain == "member" || plain == "manager":
			values, ok := d.ranged(o, name, most, q.extended())
			if !ok {
				return nil, false
			}
			out = append(out, values...)
		default:
			if values := d.octets(o, name); len(values) > 0 {
				out = append(out, attribute{name, values})
			}
		}
	}
	return out, true
}

func (c *client) entry(id any, dn string, attributes []attribute) bool {
	entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	entry.AppendChild(octetString(dn))
	list := ber.NewSequence("")
	for _, a := range attributes {
		one := ber.NewSequence("")
		one.AppendChild(octetString(a.name))
		values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, value := range a.values {
			values.AppendChild(octetString(string(value)))
		}
		one.AppendChild(values)
		list.AppendChild(one)
	}
	entry.AppendChild(list)
	return c.send(id, entry)
}
