package ldap

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

var (
	givenNames = []string{"Ana", "Bo", "Chi", "Dara", "Emre", "Fay", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Milo", "Noor", "Olga", "Pia"}
	surnames   = []string{"Abe", "Berg", "Costa", "Diaz", "Eder", "Fuchs", "Garza", "Horn", "Ito", "Jung", "Kovac", "Lund", "Mora", "Novak", "Ortiz", "Pohl"}
	// teams have letters that names of LDAP have to escape.
	teams = []string{"Sales", "Finance, Tax", "Legal (EU)", "Support*", "R&D=all", `Plant\1`, "Travel", "Säkerhet"}
)

// Populate adds users and groups. A user has a manager of those before it, a group some twenty members; some hold others. The
// same seed adds the same.
func (d *Domain) Populate(users, groups int, seed uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rng := rand.New(rand.NewPCG(seed, 1))
	var people, holders []*object
	for range users {
		u := d.person(rng)
		if len(people) > 0 && rng.IntN(10) > 0 {
			u.set("manager", people[rng.IntN(len(people))/8], d.usn, true)
		}
		people = append(people, u)
	}
	for range groups {
		g := d.team(rng)
		for range min(rng.IntN(40), len(people)) {
			g.set("member", people[rng.IntN(len(people))], d.usn, true)
		}
		if len(holders) > 0 && rng.IntN(4) == 0 {
			g.set("member", holders[rng.IntN(len(holders))], d.usn, true)
		}
		holders = append(holders, g)
	}
}

// folder draws a folder, mostly that which is read.
func (d *Domain) folder(rng *rand.Rand) *object {
	folders := []*object{d.base, d.base}
	for _, o := range d.all {
		if o.class == Folder {
			folders = append(folders, o)
		}
	}
	return folders[rng.IntN(len(folders))]
}

func (d *Domain) person(rng *rand.Rand) *object {
	d.serial++
	given, surname := givenNames[rng.IntN(len(givenNames))], surnames[rng.IntN(len(surnames))]
	account := fmt.Sprintf("%s.%s%d", strings.ToLower(given), strings.ToLower(surname), d.serial)
	values := map[string]string{
		"sAMAccountName": account, "userPrincipalName": account + "@corp.example", "displayName": given + " " + surname, "givenName": given, "sn": surname,
		"userAccountControl": []string{"512", "512", "512", "66048", "514"}[rng.IntN(5)],
	}
	if rng.IntN(10) > 0 {
		values["mail"] = account + "@corp.example"
	}
	return d.create(User, d.folder(rng), fmt.Sprintf("%s, %s %d", surname, given, d.serial), values)
}

func (d *Domain) team(rng *rand.Rand) *object {
	d.serial++
	name := fmt.Sprintf("%s %d", teams[rng.IntN(len(teams))], d.serial)
	values := map[string]string{"sAMAccountName": name}
	if rng.IntN(2) == 0 {
		values["description"] = "Everybody of " + name
	}
	return d.create(Group, d.folder(rng), name, values)
}

// Mutate makes n random changes, of every kind that a domain knows. A draw that fits nothing is none.
func (d *Domain) Mutate(rng *rand.Rand, n int) {
	for range n {
		d.mutate(rng)
	}
}

func (d *Domain) mutate(rng *rand.Rand) {
	user, other, group, nested, folder := d.draw(rng, User), d.draw(rng, User), d.draw(rng, Group), d.draw(rng, Group), d.draw(rng, Folder)
	switch rng.IntN(24) {
	case 0:
		d.locked(func() { d.person(rng) })
	case 1:
		d.locked(func() { d.team(rng) })
	case 2:
		d.locked(func() {
			d.serial++
			d.create(Computer, d.base, fmt.Sprint("PC", d.serial), map[string]string{"sAMAccountName": fmt.Sprintf("PC%d$", d.serial), "userAccountControl": "4096"})
		})
	case 3:
		_ = d.Update(user, map[string]string{"displayName": surnames[rng.IntN(len(surnames))], "mail": "", "title": "Clerk"})
	case 4:
		_ = d.Update(user, map[string]string{"givenName": "", "sn": surnames[rng.IntN(len(surnames))], "mail": fmt.Sprintf("m%d@corp.example", rng.Uint32()), "title": ""})
	case 5:
		_ = d.Update(user, map[string]string{"sAMAccountName": fmt.Sprintf("renamed%d", rng.Uint32())})
	case 6:
		_ = d.Update(user, map[string]string{"userAccountControl": []string{"512", "514"}[rng.IntN(2)]})
	case 7, 8:
		_ = d.Delete([]string{user, group}[rng.IntN(4)/3])
	case 9:
		_ = d.Restore(user)
	case 10:
		_ = d.Recycle(user)
	case 11:
		_ = d.Update(group, map[string]string{"sAMAccountName": fmt.Sprintf("Team %d", rng.Uint32()), "description": ""})
	case 12, 13: // to another folder, or to another name
		_ = d.Move([]string{user, group}[rng.IntN(4)/3], folder, fmt.Sprintf("Moved, %d", rng.Uint32()))
	case 14:
		if rng.IntN(4) == 0 {
			_ = d.Move(folder, d.draw(rng, Folder), "")
		} else {
			d.locked(func() { d.serial++; d.create(Folder, d.folder(rng), fmt.Sprint("Folder ", d.serial), nil) })
		}
	case 15:
		_ = d.SetLink(user, "manager", other, true)
	case 16:
		_ = d.SetLink(user, "manager", d.linked(rng, user, "manager"), false)
	case 17:
		_ = d.SetLink(group, "member", nested, true)
	case 18:
		_ = d.SetPrimary(d.linked(rng, group, "member"), group)
	case 19, 20:
		_ = d.SetLink(group, "member", d.linked(rng, group, "member"), false)
	default:
		_ = d.SetLink(group, "member", user, true)
	}
}

func (d *Domain) locked(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	do()
}

// draw is the key of an object of a class, deleted ones too; empty where there is none.
func (d *Domain) draw(rng *rand.Rand, class Class) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var of []*object
	for _, o := range d.all {
		if o.class == class && o.life != recycled {
			of = append(of, o)
		}
	}
	if len(of) == 0 {
		return ""
	}
	return of[rng.IntN(len(of))].id.String()
}

// linked is the key of the other end of a link of an object.
func (d *Domain) linked(rng *rand.Rand, key, name string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.all {
		if links := o.links[name]; o.id.String() == key && len(links) > 0 {
			return links[rng.IntN(len(links))].to.id.String()
		}
	}
	return ""
}
