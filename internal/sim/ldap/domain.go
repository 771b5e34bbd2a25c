// Package ldap simulates a domain controller of Active Directory: a directory in memory that changes, and the part of LDAP
// that a synchronization reads it by, with faults on request. It is made from [MS-ADTS] and from trying a domain controller
// of Samba; no domain of Windows was asked.
package ldap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"
)

// Class is what an object is.
type Class string

// The classes of objects.
const (
	User     Class = "user"
	Group    Class = "group"
	Computer Class = "computer"
	Folder   Class = "organizationalUnit"
)

// Errors of operations.
var (
	ErrNotFound = errors.New("there is no such object")
	ErrInvalid  = errors.New("the operation does not fit the object")
)

// life is how far an object is from being forgotten.
type life int

const (
	alive life = iota
	deleted
	recycled
)

// object is one object of the directory. What it was changed by is a number of an update (USN); the highest of them is the
// object's own.
type object struct {
	id     uuid.UUID
	class  Class
	rid    uint32
	rdn    string
	parent *object
	named  uint64 // update of the name or of the parent
	values map[string]value
	links  map[string][]*link
	life   life
	lived  uint64
	made   uint64
	usn    uint64
}

// value is the text of an attribute. Empty with an update was cleared.
type value struct {
	text string
	at   uint64
}

// link is one value of member or manager. A removed one stays as a mark.
type link struct {
	to      *object
	at      uint64
	removed bool
}

// Domain is a directory that changes. All methods may be called side by side.
type Domain struct {
	// DN is the distinguished name of the domain, Base that of the folder that is read.
	DN, Base string
	// RecycleBin says that what is deleted is kept whole until it is recycled.
	RecycleBin bool

	mu     sync.Mutex
	usn    uint64
	serial int
	ids    *rand.ChaCha8
	all    []*object
	byID   map[uuid.UUID]*object
	root   *object
	base   *object
	users  *object // the primary group of everybody
	bin    *object // the folder of what is deleted, which is marked as deleted itself
}

// NewDomain makes a domain with two folders, Staff and Elsewhere, and a group Domain Users. Ids follow from the seed.
func NewDomain(seed uint64) *Domain {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	d := &Domain{DN: "DC=corp,DC=example", RecycleBin: seed%2 == 0, ids: rand.NewChaCha8(key), byID: map[uuid.UUID]*object{}}
	d.root = &object{id: d.newID(), rdn: d.DN, class: "domainDNS"}
	d.byID[d.root.id] = d.root
	d.base = d.create(Folder, d.root, "Staff", nil)
	d.create(Folder, d.root, "Elsewhere", nil)
	d.users = d.create(Group, d.base, "Domain Users", map[string]string{"sAMAccountName": "Domain Users"})
	d.users.rid = domainUsers
	d.bin = d.create("container", d.root, "Deleted Objects", nil)
	d.bin.lived = d.usn
	d.Base = d.nameOf(d.base)
	return d
}

// The numbers that identifiers of security end with: that of the group of everybody, and the first of others.
const (
	domainUsers = 513
	firstRID    = 1103
)

func (d *Domain) newID() uuid.UUID {
	var b [16]byte
	_, _ = d.ids.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return b
}

func (d *Domain) create(class Class, parent *object, rdn string, values map[string]string) *object {
	d.usn++
	o := &object{
		id: d.newID(), class: class, rid: firstRID + uint32(len(d.all)), rdn: rdn, parent: parent, named: d.usn, made: d.usn, usn: d.usn,
		values: map[string]value{}, links: map[string][]*link{},
	}
	for name, text := range values {
		o.values[name] = value{text, d.usn}
	}
	o.values["whenCreated"] = value{"20260101000000.0Z", d.usn}
	if class == User || class == Computer {
		o.values["primaryGroupID"] = value{strconv.Itoa(domainUsers), d.usn}
	}
	d.all, d.byID[o.id] = append(d.all, o), o
	return o
}

// Create adds a user, a group or a computer to the folder that is read, and returns its key.
func (d *Domain) Create(class Class, rdn string, values map[string]string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.create(class, d.base, rdn, values).id.String()
}

// Folder is the key of a folder by its name; empty where there is none.
func (d *Domain) Folder(name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.all {
		if o.class == Folder && o.rdn == name {
			return o.id.String()
		}
	}
	return ""
}

// on runs an operation on objects that are there, as one update.
func (d *Domain) on(do func(usn uint64, o []*object) error, keys ...string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	objects := make([]*object, len(keys))
	for i, key := range keys {
		id, _ := uuid.Parse(key)
		if objects[i] = d.byID[id]; objects[i] == nil {
			return ErrNotFound
		}
	}
	d.usn++
	return do(d.usn, objects)
}

// Update sets attributes; an empty text clears one.
func (d *Domain) Update(key string, values map[string]string) error {
	return d.on(func(usn uint64, o []*object) error {
		if o[0].life != alive {
			return ErrInvalid
		}
		for name, text := range values {
			if o[0].values[name].text != text {
				o[0].values[name], o[0].usn = value{text, usn}, usn
			}
		}
		return nil
	}, key)
}

// Move puts an object into a folder; its name may change with that.
func (d *Domain) Move(key, folder, rdn string) error {
	return d.on(func(usn uint64, o []*object) error {
		for above := o[1]; above != nil; above = above.parent {
			if above == o[0] {
				return ErrInvalid
			}
		}
		if o[0].life != alive || o[1].life != alive || o[0] == d.base || o[1].class != Folder {
			return ErrInvalid
		}
		o[0].parent, o[0].named, o[0].usn = o[1], usn, usn
		if rdn != "" {
			o[0].rdn = rdn
		}
		return nil
	}, key, folder)
}

// Delete deletes a user, group or computer. Links to it go without a change of whose they are.
func (d *Domain) Delete(key string) error {
	return d.on(func(usn uint64, o []*object) error {
		if o[0].life != alive || o[0].class == Folder || o[0] == d.users || d.isPrimary(o[0]) {
			return ErrInvalid
		}
		o[0].life, o[0].lived, o[0].usn = deleted, usn, usn
		if !d.RecycleBin {
			d.recycle(o[0])
		}
		return nil
	}, key)
}

// Recycle leaves nothing of what is deleted but its mark.
func (d *Domain) Recycle(key string) error {
	return d.on(func(usn uint64, o []*object) error {
		if o[0].life != deleted {
			return ErrInvalid
		}
		o[0].lived, o[0].usn = usn, usn
		d.recycle(o[0])
		return nil
	}, key)
}

func (d *Domain) recycle(o *object) {
	o.life, o.links = recycled, map[string][]*link{}
	for name := range o.values {
		if name != "sAMAccountName" {
			delete(o.values, name)
		}
	}
	for _, other := range d.all {
		for name, links := range other.links {
			other.links[name] = slices.DeleteFunc(links, func(l *link) bool { return l.to == o })
		}
	}
}

// Restore brings back what is deleted, into the folder that is read. Its links are there again, untold.
func (d *Domain) Restore(key string) error {
	return d.on(func(usn uint64, o []*object) error {
		if o[0].life != deleted {
			return ErrInvalid
		}
		o[0].life, o[0].lived, o[0].named, o[0].usn, o[0].parent = alive, usn, usn, usn, d.base
		return nil
	}, key)
}

// SetLink adds a value of member or manager, or takes it away. A manager takes the place of another one.
func (d *Domain) SetLink(key, name, other string, there bool) error {
	return d.on(func(usn uint64, o []*object) error {
		if o[0].life != alive || o[1].life != alive || o[1].class == Folder || (o[0].class == Group) != (name == "member") || name == "manager" && o[1].class != User || name == "member" && o[0].primary(o[1]) {
			return ErrInvalid
		}
		if name == "manager" && there {
			for _, l := range o[0].links[name] {
				if !l.removed && l.to != o[1] {
					l.removed, l.at = true, usn
				}
			}
		}
		o[0].set(name, o[1], usn, there)
		return nil
	}, key, other)
}

// primary says that a group is the primary one of a user.
func (o *object) primary(user *object) bool {
	return o.class == Group && user.values["primaryGroupID"].text == strconv.FormatUint(uint64(o.rid), 10)
}

func (d *Domain) isPrimary(group *object) bool {
	return slices.ContainsFunc(d.all, func(o *object) bool { return o.life == alive && group.primary(o) })
}

// set makes a link be there, or not.
func (o *object) set(name string, to *object, usn uint64, there bool) {
	for _, l := range o.links[name] {
		if l.to == to {
			if l.removed == there {
				l.removed, l.at, o.usn = !there, usn, usn
			}
			return
		}
	}
	if there {
		o.links[name] = append(o.links[name], &link{to: to, at: usn})
		o.usn = usn
	}
}

// SetPrimary makes a group, of which a user is a member, the primary one: the user leaves its list, and enters that of the
// former one.
func (d *Domain) SetPrimary(user, group string) error {
	return d.on(func(usn uint64, o []*object) error {
		if o[0].life != alive || o[1].life != alive || o[0].class != User || !slices.ContainsFunc(o[1].links["member"], func(l *link) bool { return l.to == o[0] && !l.removed }) {
			return ErrInvalid
		}
		for _, former := range d.all { // each object has updates of its own
			if former.primary(o[0]) {
				former.set("member", o[0], usn, true)
			}
		}
		o[1].set("member", o[0], usn+1, false)
		usn += 2
		d.usn = usn
		o[0].values["primaryGroupID"], o[0].usn = value{strconv.FormatUint(uint64(o[1].rid), 10), usn}, usn
		return nil
	}, user, group)
}

// nameOf is the distinguished name of an object.
func (d *Domain) nameOf(o *object) string {
	switch {
	case o == d.root:
		return d.DN
	case o.life != alive:
		return fmt.Sprintf(`CN=%s\0ADEL:%s,CN=Deleted Objects,%s`, ldap.EscapeDN(o.rdn), o.id, d.DN)
	case o.class == Folder:
		return "OU=" + ldap.EscapeDN(o.rdn) + "," + d.nameOf(o.parent)
	}
	return "CN=" + ldap.EscapeDN(o.rdn) + "," + d.nameOf(o.parent)
}

// below reports whether an object is in a folder, or in one of that.
func (o *object) below(folder *object) bool {
	if o.life != alive {
		return false
	}
	for at := o; at != nil; at = at.parent {
		if at == folder {
			return true
		}
	}
	return false
}

// byName finds an object by its distinguished name, or by <GUID=...>.
func (d *Domain) byName(name string) *object {
	if text, ok := strings.CutPrefix(name, "<GUID="); ok {
		id, _ := uuid.Parse(strings.TrimSuffix(text, ">"))
		if o := d.byID[id]; o != nil && o.life == alive {
			return o
		}
		return nil
	}
	if strings.EqualFold(name, d.DN) {
		return d.root
	}
	for _, o := range d.all {
		if strings.EqualFold(d.nameOf(o), name) {
			return o
		}
	}
	return nil
}
