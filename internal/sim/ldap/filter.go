package ldap

import (
	"bytes"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// bitAnd is the rule that compares bits of a number ([MS-ADTS] section 3.1.1.3.4.4.1).
const bitAnd = "1.2.840.113556.1.4.803"

// matches applies a filter (RFC 4511 section 4.5.1.7) to an object. What it does not know matches nothing, nor does its
// opposite.
func (d *Domain) matches(o *object, f *ber.Packet) (yes, known bool) {
	switch f.Tag {
	case ldap.FilterAnd, ldap.FilterOr:
		for _, child := range f.Children {
			yes, known := d.matches(o, child)
			if known && yes == (f.Tag == ldap.FilterOr) {
				return yes, true
			}
		}
		return f.Tag == ldap.FilterAnd, true
	case ldap.FilterNot:
		if len(f.Children) != 1 {
			return false, false
		}
		yes, known := d.matches(o, f.Children[0])
		return !yes, known
	case ldap.FilterPresent:
		return len(d.octets(o, f.Data.String())) > 0 || strings.EqualFold(f.Data.String(), "objectClass"), true
	case ldap.FilterEqualityMatch:
		if len(f.Children) != 2 {
			return false, false
		}
		name, want := f.Children[0].Data.String(), f.Children[1].Data.Bytes()
		same := bytes.EqualFold
		if strings.EqualFold(name, "objectGUID") || strings.EqualFold(name, "objectSid") {
			same = bytes.Equal // bytes have no case
		}
		for _, value := range d.octets(o, name) {
			if same(value, want) {
				return true, true
			}
		}
		return false, true
	case ldap.FilterExtensibleMatch:
		return d.matchesBits(o, f)
	}
	return false, false
}

func (d *Domain) matchesBits(o *object, f *ber.Packet) (yes, known bool) {
	var rule, attribute, want string
	for _, child := range f.Children {
		switch child.Tag {
		case ldap.MatchingRuleAssertionMatchingRule:
			rule = child.Data.String()
		case ldap.MatchingRuleAssertionType:
			attribute = child.Data.String()
		case ldap.MatchingRuleAssertionMatchValue:
			want = child.Data.String()
		}
	}
	bits, err := strconv.ParseInt(want, 10, 64)
	if rule != bitAnd || err != nil {
		return false, false
	}
	for _, value := range d.octets(o, attribute) {
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && n&bits == bits {
			return true, true
		}
	}
	return false, true
}
