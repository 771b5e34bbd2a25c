package ldap

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"
)

// cookie is where a client of DirSync is: it knows all up to an update, has been told of the objects that changed last up to
// another one, and in an object up to the update of one of its links.
type cookie struct {
	DC     uuid.UUID
	Knows  uint64
	Behind uint64
	Of     uuid.UUID
	Link   uint64
}

// dirSync answers what has changed since a cookie, objects in the order of their last changes ([MS-ADTS] section
// 3.1.1.3.4.1.3). Without the right to replicate, it tells no deletions, as Samba does.
func (c *client) dirSync(id any, q query) bool {
	const done = ldap.ApplicationSearchResultDone
	s, d := c.server, c.server.Domain
	s.mu.Lock()
	dc := s.dc
	s.mu.Unlock()
	asked := ber.DecodePacket(q.controls[ldap.ControlTypeDirSync])
	if asked == nil || len(asked.Children) != 3 || !strings.EqualFold(q.base, d.DN) {
		return c.result(id, done, ldap.LDAPResultUnwillingToPerform, "")
	}
	at := cookie{DC: dc}
	if text := asked.Children[2].Data.Bytes(); len(text) > 0 {
		if json.Unmarshal(text, &at) != nil || at.DC != dc || s.Adversary.expires() {
			return c.result(id, done, s.ForgottenCookie, "0000203D: LdapErr: DSID-0C090A85, comment: Error processing control, data 0, v3839")
		}
	}
	left := s.Adversary.split(s.ChangesPerPage)
	rows, next, more := d.changesSince(at, q, left)
	for _, r := range rows {
		if d.isDeleted(r.of) && (s.NoReplication || s.HidesDeleted) {
			continue
		}
		if !c.entry(id, string(d.shown(r.of, q.extended())), r.attributes) {
			return false
		}
	}
	text, _ := json.Marshal(next)
	value := ber.NewSequence("")
	flags := int64(0)
	if more {
		flags = 1
	}
	value.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, flags, ""))
	value.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, int64(0), ""))
	value.AppendChild(octetString(string(text)))
	return c.result(id, done, ldap.LDAPResultSuccess, "", control(ldap.ControlTypeDirSync, value))
}

// change is what has changed of one object.
type change struct {
	of         *object
	attributes []attribute
}

// changesSince are the next changes: as many objects and values of links as may be told at once, at least one.
func (d *Domain) changesSince(at cookie, q query, most int) (rows []change, next cookie, more bool) {
	var changed []*object
	for _, o := range d.all {
		if o.usn > at.Behind {
			changed = append(changed, o)
		}
	}
	slices.SortFunc(changed, func(a, b *object) int { return cmp.Compare(a.usn, b.usn) })
	if i := slices.IndexFunc(changed, func(o *object) bool { return o.id == at.Of }); i > 0 { // it goes on
		goesOn := changed[i]
		changed = slices.Insert(slices.Delete(changed, i, i+1), 0, goesOn)
	}
	next = at
	for _, o := range changed {
		if most <= 0 {
			return rows, next, true
		}
		links := at.Knows
		if o.id == at.Of {
			links = at.Link
		}
		row, upTo, whole := d.changesOf(o, at.Knows, links, q, most)
		yes, _ := d.matches(o, q.filter)
		if yes && len(row) > 0 {
			row = append(row, attribute{"objectGUID", [][]byte{guid(o.id)}}, attribute{"instanceType", [][]byte{[]byte("4")}})
			rows = append(rows, change{o, row})
			most -= 1 + upTo.told
		}
		if yes && !whole {
			next.Of, next.Link = o.id, upTo.link
			return rows, next, true
		}
		if o.id == at.Of && o != changed[len(changed)-1] && o.usn > changed[1].usn {
			// It is told whole, but out of its turn: what is before it is still to come.
			next.Of, next.Link = uuid.Nil, 0
			continue
		}
		next.Behind, next.Of, next.Link = max(next.Behind, o.usn), uuid.Nil, 0
	}
	next.Knows = next.Behind
	return rows, next, false
}

// told is how far the links of an object were told.
type told struct {
	link uint64
	told int
}

// changesOf are the attributes of an object that have changed, and the values of its links that came or went.
func (d *Domain) changesOf(o *object, behind, links uint64, q query, most int) (out []attribute, upTo told, whole bool) {
	whole = true
	for _, name := range q.attributes {
		switch lower := strings.ToLower(name); lower {
		case "member", "manager":
			var marks map[string][][]byte
			marks, upTo, whole = d.linksOf(o, name, links, q, most)
			for mark, values := range marks {
				out = append(out, attribute{name + mark, values})
			}
		case "name":
			if o.named > behind || o.lived > behind {
				out = append(out, attribute{name, d.octets(o, name)})
			}
		case "isdeleted", "isrecycled":
			if values := d.octets(o, name); o.lived > behind && (len(values) > 0 || lower == "isdeleted") {
				out = append(out, attribute{name, values})
			}
		case "objectguid":
		case "objectsid":
			if o.made > behind && o.class != Folder {
				out = append(out, attribute{name, d.octets(o, name)})
			}
		default:
			for own, v := range o.values {
				if strings.EqualFold(own, name) && v.at > behind && (v.text != "" || o.made <= behind) {
					out = append(out, attribute{name, d.octets(o, name)})
				}
			}
		}
	}
	return out, upTo, whole
}

// linksOf are the values of a link that came (1-1) or went (0-0) after an update, the first ones of them.
func (d *Domain) linksOf(o *object, name string, behind uint64, q query, most int) (marks map[string][][]byte, upTo told, whole bool) {
	var changed []*link
	for _, l := range o.links[name] {
		if l.at > behind && l.to.life == alive && o.life == alive {
			changed = append(changed, l)
		}
	}
	slices.SortStableFunc(changed, func(a, b *link) int { return cmp.Compare(a.at, b.at) })
	marks, upTo = map[string][][]byte{}, told{link: behind}
	for _, l := range changed {
		if upTo.told >= most && l.at > upTo.link { // the values of one update are told together
			return marks, upTo, false
		}
		mark := ";range=1-1"
		if l.removed {
			mark = ";range=0-0"
		}
		marks[mark] = append(marks[mark], d.shown(l.to, q.extended()))
		upTo.link, upTo.told = l.at, upTo.told+1
	}
	return marks, upTo, true
}
