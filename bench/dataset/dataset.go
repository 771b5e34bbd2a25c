// Package dataset makes up the organization that Roster is measured with: the same one each time, so that figures of
// one machine can be compared, and other servers can be given the same work.
package dataset

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// Label is the provider that owns everybody in the data set. Its one instance has no name.
const Label = "Bench"

// The size at scale 1.
const (
	baseUsers       = 100_000
	baseGroups      = 10_000
	baseMemberships = 500_000
	baseNestings    = 5_100
)

// seed makes the data set the one that it is.
const seed = 20_260_101

// epoch is when the first identity was created; each later one came a second after the one before.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Data is the organization. Users and groups refer to each other by their index.
type Data struct {
	Scale  int
	Users  []User
	Groups []Group

	// Large is the group of 50,000, ChainTop the top of the chain of 8 groups, DiamondTop the group over 200 middles that
	// share one bottom.
	Large, ChainTop, DiamondTop int
}

// User is a person.
type User struct {
	ID                                      int64
	UID                                     uuid.UUID
	UserName, Given, Family, Display, Title string
	Created                                 time.Time
}

// ExternalID is the person's key at the source.
func (u *User) ExternalID() string { return fmt.Sprintf("person-%07d", u.ID) }

// FQN is the person's fully qualified name.
func (u *User) FQN() string { return directory.PlainFQN(directory.KindUser, Label, "", u.UserName) }

// Group is a group, with its direct members.
type Group struct {
	ID      int64
	UID     uuid.UUID
	Name    string
	Created time.Time

	Users  []int32
	Groups []int32
}

// ExternalID is the group's key at the source.
func (g *Group) ExternalID() string { return fmt.Sprintf("group-%07d", g.ID) }

// FQN is the group's fully qualified name.
func (g *Group) FQN() string { return directory.PlainFQN(directory.KindGroup, Label, "", g.Name) }

// New makes the data set, scale times as large. The group of 50,000, the chain and the diamond are there once at any
// scale.
func New(scale int) *Data {
	d := &Data{Scale: scale, Users: make([]User, scale*baseUsers), Groups: make([]Group, scale*baseGroups)}
	random := rand.New(rand.NewPCG(seed, uint64(scale)))
	for i := range d.Users {
		d.Users[i] = newUser(i, random)
	}
	for i := range d.Groups {
		id := int64(len(d.Users) + i + 1)
		d.Groups[i] = Group{
			ID: id, UID: uidOf(id), Created: epoch.Add(time.Duration(id) * time.Second),
			Name: fmt.Sprintf("%s %s %06d", pick(random, regions), pick(random, purposes), i+1),
		}
	}
	d.shape(random)
	return d
}

func newUser(i int, random *rand.Rand) User {
	id := int64(i + 1)
	given, family := pick(random, givens), pick(random, families)
	return User{
		ID: id, UID: uidOf(id), UserName: fmt.Sprintf("%s.%s.%d@example.com", given.plain, family.plain, id),
		Given: given.written, Family: family.written, Display: given.written + " " + family.written,
		Title: pick(random, titles), Created: epoch.Add(time.Duration(id) * time.Second),
	}
}

// uidOf is an id of UUID version 7 (RFC 9562 section 5.7), as Roster draws them: the time in front, then what is random.
func uidOf(id int64) uuid.UUID {
	var u uuid.UUID
	at := uint64(epoch.Add(time.Duration(id) * time.Second).UnixMilli())
	random := rand.NewPCG(seed, uint64(id))
	binary.BigEndian.PutUint64(u[:8], at<<16|random.Uint64()&0xfff)
	binary.BigEndian.PutUint64(u[8:], random.Uint64())
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80
	return u
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }
