package graph

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// ids draws GUIDs.
type ids struct{ source *rand.ChaCha8 }

func newIDs(seed uint64) *ids { return &ids{rand.NewChaCha8(key(seed))} }

func key(seed uint64) (k [32]byte) {
	for i := range 8 {
		k[i] = byte(seed >> (8 * i))
	}
	return k
}

func (s *ids) next() string {
	var b [16]byte
	_, _ = s.source.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

var (
	givenNames = []string{"Ana", "Bo", "Chi", "Dara", "Emre", "Fay", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Milo", "Noor", "Olga", "Pia"}
	surnames   = []string{"Abe", "Berg", "Costa", "Diaz", "Eder", "Fuchs", "Garza", "Horn", "Ito", "Jung", "Kovac", "Lund", "Mora", "Novak", "Ortiz", "Pohl"}
	teams      = []string{"Sales", "Finance", "Legal", "Support", "Research", "Plant", "Travel", "Security"}
)

// Populate adds users and groups. A user has a manager of those before it, a group some twenty members, every hundredth
// two thousand; some groups hold others. The same seed adds the same.
func (t *Tenant) Populate(users, groups int, seed uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 1))
	for range users {
		_, _ = t.create(User, t.person(rng))
		people := t.all[User]
		if n := len(people); n > 1 && rng.IntN(10) > 0 {
			t.link(people[n-1], people[rng.IntN(n-1)/8], false)
		}
	}
	for i := range groups {
		_, _ = t.create(Group, t.team(rng))
		g := t.all[Group][len(t.all[Group])-1]
		size := rng.IntN(40)
		if i%100 == 99 {
			size = 2000
		}
		for range min(size, len(t.all[User])) {
			t.linkAlive(g, t.all[User][rng.IntN(len(t.all[User]))])
		}
		if rng.IntN(4) == 0 {
			t.linkAlive(g, t.all[Group][rng.IntN(len(t.all[Group]))])
		}
	}
}

func (t *Tenant) linkAlive(from, to *object) {
	if from.life == alive && to.life == alive {
		t.link(from, to, false)
	}
}

// person draws a new user.
func (t *Tenant) person(rng *rand.Rand) map[string]any {
	t.serial++
	given, surname := givenNames[rng.IntN(len(givenNames))], surnames[rng.IntN(len(surnames))]
	nick := strings.ToLower(given) + "." + strings.ToLower(surname) + fmt.Sprint(t.serial)
	out := map[string]any{
		"userPrincipalName": nick + "@" + t.Domain, "displayName": given + " " + surname, "givenName": given, "surname": surname,
		"mailNickname": nick, "accountEnabled": rng.IntN(20) > 0, "userType": "Member", "signInSessionsValidFromDateTime": moment(t.tick),
	}
	if rng.IntN(10) > 0 {
		out["mail"] = nick + "@" + t.Domain
	}
	if rng.IntN(20) == 0 {
		out["userType"] = "Guest"
	}
	return out
}

// team draws a new group. Names repeat.
func (t *Tenant) team(rng *rand.Rand) map[string]any {
	t.serial++
	name := teams[rng.IntN(len(teams))]
	if rng.IntN(10) > 0 {
		name += fmt.Sprint(" ", t.serial)
	}
	out := map[string]any{
		"displayName": name, "mailNickname": fmt.Sprint("team", t.serial), "mailEnabled": rng.IntN(2) == 0, "securityEnabled": rng.IntN(4) > 0,
	}
	if rng.IntN(2) == 0 {
		out["description"] = "Everybody of " + name
	}
	return out
}
