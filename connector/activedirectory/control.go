package activedirectory

import (
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// numbered is a control whose value is a sequence of one number: LDAP_SERVER_EXTENDED_DN_OID, where 1 asks for GUIDs as
// text, and LDAP_SERVER_SD_FLAGS_OID, where 4 asks for who may do what ([MS-ADTS] section 3.1.1.3.4.1).
type numbered struct {
	oid    string
	number int64
}

var (
	extendedDN = numbered{controlExtendedDN, 1}
	accessList = numbered{controlSDFlags, 4}
)

func (n numbered) GetControlType() string { return n.oid }
func (n numbered) String() string         { return n.oid }

// Encode writes the control, which the server has to know.
func (n numbered) Encode() *ber.Packet {
	value := ber.NewSequence("value")
	value.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, n.number, "number"))
	control := ber.NewSequence("Control")
	control.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, n.oid, "controlType"))
	control.AppendChild(ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, "criticality"))
	control.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(value.Bytes()), "controlValue"))
	return control
}

// paged asks for a page of a search, and for the one after the page that gave the cookie (RFC 2696).
func paged(size uint32, cookie []byte) ldap.Control {
	control := ldap.NewControlPaging(size)
	control.SetCookie(cookie)
	return control
}
