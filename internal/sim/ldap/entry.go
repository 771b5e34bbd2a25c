package ldap

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// guid are the bytes of an objectGUID: the first three fields have their last byte first ([MS-DTYP] section 2.3.4.2).
func guid(id uuid.UUID) []byte {
	return []byte{id[3], id[2], id[1], id[0], id[5], id[4], id[7], id[6], id[8], id[9], id[10], id[11], id[12], id[13], id[14], id[15]}
}

// domainSID is the identifier of the domain: three numbers, always the same.
var domainSID = []uint32{21, 1004336348, 1177238915, 682003330}

// sid are the bytes of an identifier of security, and sidText is its text.
func sid(authority byte, parts ...uint32) []byte {
	out := []byte{1, byte(len(parts)), 0, 0, 0, 0, 0, authority}
	for _, part := range parts {
		out = binary.LittleEndian.AppendUint32(out, part)
	}
	return out
}

func (o *object) sid() []byte { return sid(5, append(slices.Clone(domainSID), o.rid)...) }

func (o *object) sidText() string {
	return fmt.Sprintf("S-1-5-21-%d-%d-%d-%d", domainSID[1], domainSID[2], domainSID[3], o.rid)
}

// extended is a name with the GUID and the SID.
func (d *Domain) extended(o *object) string {
	if o.class == Folder || o == d.root || o == d.bin {
		return fmt.Sprintf("<GUID=%s>;%s", o.id, d.nameOf(o))
	}
	return fmt.Sprintf("<GUID=%s>;<SID=%s>;%s", o.id, o.sidText(), d.nameOf(o))
}

// classes are the values of objectClass.
func (o *object) classes() []string {
	switch o.class {
	case User:
		return []string{"top", "person", "organizationalPerson", "user"}
	case Computer:
		return []string{"top", "person", "organizationalPerson", "user", "computer"}
	}
	return []string{"top", string(o.class)}
}

// octets are the values of an attribute, but for links.
func (d *Domain) octets(o *object, name string) (values [][]byte) {
	texts := func(list ...string) {
		for _, text := range list {
			values = append(values, []byte(text))
		}
	}
	switch lower := strings.ToLower(name); lower {
	case "objectclass":
		texts(o.classes()...)
	case "objectguid":
		values = [][]byte{guid(o.id)}
	case "objectsid":
		if o.class != Folder && o != d.root {
			values = [][]byte{o.sid()}
		}
	case "name", "cn":
		texts(o.rdn)
	case "distinguishedname":
		texts(d.nameOf(o))
	case "usnchanged":
		texts(strconv.FormatUint(o.usn, 10))
	case "isdeleted":
		if d.isDeleted(o) {
			texts("TRUE")
		}
	case "isrecycled":
		if o.life == recycled {
			texts("TRUE")
		}
	case "ntsecuritydescriptor":
		if o == d.root {
			values = [][]byte{descriptor()}
		}
	default:
		for own, v := range o.values {
			if strings.EqualFold(own, name) && v.text != "" {
				texts(v.text)
			}
		}
	}
	return values
}

func (d *Domain) isDeleted(o *object) bool { return o.life != alive || o == d.bin }

// The accounts that are known: one that may replicate, and one that may not.
var replicators, everybody = sid(5, append(slices.Clone(domainSID), 1000)...), sid(5, 11)

// descriptor says who may do what with the domain ([MS-DTYP] section 2.4.6): everybody may read, replicators may get changes.
func descriptor() []byte {
	changes := uuid.MustParse("1131f6aa-9c07-11d1-f79f-00c04fc2dcd2")
	other := uuid.MustParse("1131f6ad-9c07-11d1-f79f-00c04fc2dcd2") // get all changes, which is another right
	entries := [][]byte{
		ace(0, 0x20094, nil, everybody), ace(5, 0x100, guid(other), everybody), ace(5, 0x100, guid(changes), replicators),
	}
	list := []byte{4, 0, 0, 0, byte(len(entries)), 0, 0, 0}
	for _, entry := range entries {
		list = append(list, entry...)
	}
	binary.LittleEndian.PutUint16(list[2:], uint16(len(list)))
	head := []byte{1, 0, 0x04, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0}
	return append(head, list...)
}

func ace(kind byte, mask uint32, about, whom []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte{kind, 0, 0, 0}, mask)
	if about != nil {
		out = append(binary.LittleEndian.AppendUint32(out, 1), about...)
	}
	out = append(out, whom...)
	binary.LittleEndian.PutUint16(out[2:], uint16(len(out)))
	return out
}

// attribute is one of an answer.
type attribute struct {
	name   string
	values [][]byte
}

// shown is a link's other end as it is shown.
func (d *Domain) shown(o *object, extended bool) []byte {
	if extended {
		return []byte(d.extended(o))
	}
	return []byte(d.nameOf(o))
}

// ranged are the values of a link attribute: those that a request asked for by a range, of which one answer holds some. It
// reports false where there are none there.
func (d *Domain) ranged(o *object, asked string, most int, extended bool) ([]attribute, bool) {
	name, option, _ := strings.Cut(asked, ";")
	var values [][]byte
	for _, l := range o.links[name] {
		if !l.removed && l.to.life == alive {
			values = append(values, d.shown(l.to, extended))
		}
	}
	from := 0
	if bounds, ok := strings.CutPrefix(option, "range="); ok {
		first, _, _ := strings.Cut(bounds, "-")
		from, _ = strconv.Atoi(first)
	} else if len(values) <= most {
		if len(values) == 0 {
			return nil, true
		}
		return []attribute{{name, values}}, true
	}
	if from > 0 && from >= len(values) {
		return nil, false
	}
	to := min(from+most, len(values))
	end := strconv.Itoa(to - 1)
	if to == len(values) {
		end = "*"
	}
	out := []attribute{{fmt.Sprintf("%s;range=%d-%s", name, from, end), values[from:to]}}
	if option == "" {
		out = append([]attribute{{name, nil}}, out...)
	}
	return out, true
}
