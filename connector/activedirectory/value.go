package activedirectory

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// guidText is an objectGUID as it is written everywhere else: the first three of its fields are stored with their last
// byte first ([MS-DTYP] section 2.3.4.2). It reports false for what is none.
func guidText(octets []byte) (string, bool) {
	if len(octets) != 16 {
		return "", false
	}
	return uuid.UUID(swapped([16]byte(octets))).String(), true
}

// guidOctets are the bytes that the directory stores for such a text.
func guidOctets(text string) ([]byte, bool) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return nil, false
	}
	octets := swapped(id)
	return octets[:], true
}

func swapped(b [16]byte) [16]byte {
	b[0], b[1], b[2], b[3] = b[3], b[2], b[1], b[0]
	b[4], b[5] = b[5], b[4]
	b[6], b[7] = b[7], b[6]
	return b
}

// sidText is a security identifier as text ([MS-DTYP] section 2.4.2.1): S-1-5-21-... It reports false for what is none.
func sidText(octets []byte) (string, bool) {
	if len(octets) < 8 || octets[0] != 1 || octets[1] > 15 || len(octets) != 8+4*int(octets[1]) {
		return "", false
	}
	authority := uint64(binary.BigEndian.Uint16(octets[2:]))<<32 | uint64(binary.BigEndian.Uint32(octets[4:]))
	text := "S-1-" + strconv.FormatUint(authority, 10)
	for rest := octets[8:]; len(rest) > 0; rest = rest[4:] {
		text += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(rest)), 10)
	}
	return text, true
}

// sibling is the identifier of the same domain that ends with another number: that of a user's primary group, whose
// primaryGroupID is only that number. It reports false where the identifier is of no domain.
func sibling(sid []byte, rid uint32) ([]byte, bool) {
	if _, ok := sidText(sid); !ok || sid[1] < 2 {
		return nil, false
	}
	return binary.LittleEndian.AppendUint32(append([]byte(nil), sid[:len(sid)-4]...), rid), true
}

// ridOf is the number that an identifier ends with, as primaryGroupID has it.
func ridOf(sid []byte) (string, bool) {
	if _, ok := sidText(sid); !ok || sid[1] == 0 {
		return "", false
	}
	return strconv.FormatUint(uint64(binary.LittleEndian.Uint32(sid[len(sid)-4:])), 10), true
}

// accountDisabled is the bit ACCOUNTDISABLE of userAccountControl.
const accountDisabled = 0x2

// active reads userAccountControl. It reports false where that is no number.
func active(userAccountControl string) (on, ok bool) {
	flags, err := strconv.ParseInt(userAccountControl, 10, 64)
	return flags&accountDisabled == 0, err == nil
}

// reference is a distinguished name with what does not change when its object is renamed or moved. The directory gives
// both where it is asked by the control LDAP_SERVER_EXTENDED_DN_OID ([MS-ADTS] section 3.1.1.3.4.1.5).
type reference struct {
	// GUID is the object's key; empty for names of what has none.
	GUID string
	// SID is that of users and groups; empty for others.
	SID string
	DN  string
}

// parseReference reads <GUID=...>;<SID=...>;CN=...,DC=...; a plain name has neither of both.
func parseReference(text string) (reference, error) {
	var r reference
	for strings.HasPrefix(text, "<") {
		part, rest, ended := strings.Cut(text[1:], ">")
		name, value, named := strings.Cut(part, "=")
		if !ended || !named || rest != "" && rest[0] != ';' {
			return reference{}, errors.New("it is no extended distinguished name")
		}
		switch {
		case strings.EqualFold(name, "GUID"):
			key, ok := anyGUID(value)
			if !ok {
				return reference{}, errors.New("it has a GUID that is none")
			}
			r.GUID = key
		case strings.EqualFold(name, "SID"):
			r.SID = value
		}
		text = strings.TrimPrefix(rest, ";")
	}
	r.DN = text
	return r, nil
}

// anyGUID reads a GUID with dashes, or the 32 digits of its stored bytes.
func anyGUID(text string) (string, bool) {
	if len(text) == 32 {
		octets, err := hex.DecodeString(text)
		if err != nil {
			return "", false
		}
		return guidText(octets)
	}
	if _, ok := guidOctets(text); !ok {
		return "", false
	}
	return strings.ToLower(text), true
}

// foreignPrincipal is the SID that the name of a foreign security principal says: somebody of another forest, or one of
// the groups that every Windows has. It reports false for other names.
func foreignPrincipal(dn string) (string, bool) {
	first, rest, _ := strings.Cut(dn, ",")
	kind, sid, _ := strings.Cut(first, "=")
	if !strings.EqualFold(kind, "CN") || len(sid) < 4 || !strings.EqualFold(sid[:4], "S-1-") {
		return "", false
	}
	return sid, strings.HasPrefix(strings.ToLower(rest), "cn=foreignsecurityprincipals,")
}

// within reports whether a name is of a naming context. Both are as the directory writes them.
func within(dn, context string) bool {
	return strings.EqualFold(dn, context) ||
		len(dn) > len(context) && dn[len(dn)-len(context)-1] == ',' && strings.EqualFold(dn[len(dn)-len(context):], context)
}

// span is which values of an attribute an answer holds: the directory gives 1,500 of them or fewer at once ([MS-ADTS] section
// 3.1.1.3.1.3.3).
type span struct {
	first, last int
	// whole says that there are none after these.
	whole bool
}

// parseSpan reads what follows the name of an attribute: nothing where all values are there, ;range=0-1499 or
// ;range=1500-*.
func parseSpan(option string) (span, error) {
	if option == "" {
		return span{whole: true}, nil
	}
	bounds, ok := strings.CutPrefix(strings.ToLower(option), ";range=")
	first, last, both := strings.Cut(bounds, "-")
	from, err := strconv.ParseUint(first, 10, 31)
	if !ok || !both || err != nil {
		return span{}, fmt.Errorf("%q is no range", option)
	}
	if last == "*" {
		return span{first: int(from), whole: true}, nil
	}
	to, err := strconv.ParseUint(last, 10, 31)
	if err != nil || to < from {
		return span{}, fmt.Errorf("%q is no range", option)
	}
	return span{first: int(from), last: int(to)}, nil
}
