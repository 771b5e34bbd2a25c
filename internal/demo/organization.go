package demo

import (
	"fmt"
	"math/rand/v2"
)

// Organization is what one identity provider holds: people before their reports, and groups.
type Organization struct {
	// Label is the provider's name in Roster.
	Label  string
	People []Person
	Groups []Group
}

// Person is one user. Manager is the key of another, or empty.
type Person struct {
	Key, UserName         string
	Given, Family, Locale string
	Title, Department     string
	Location, Manager     string
	Level                 int // 0 at the top of the tree
	Active                bool
	team                  int
}

// Group is one group. People and Groups hold the keys of its direct members.
type Group struct {
	Key, Name      string
	People, Groups []string
}

// The labels of the demo's two providers.
const (
	CompanyLabel  = "Linden"
	PartnersLabel = "Partners"
)

const (
	companyPeople = 1880
	partnerPeople = 120
)

type division struct {
	name, head  string
	departments [4]string
}

var divisions = []division{
	{"Finance", "Chief Financial Officer", [4]string{"Accounting", "Controlling", "Treasury", "Tax"}},
	{"Purchasing", "Chief Procurement Officer", [4]string{"Raw Materials", "Indirect Goods", "Services Buying", "Supplier Quality"}},
	{"Engineering", "Chief Engineer", [4]string{"Mechanics", "Electronics", "Firmware", "Test"}},
	{"Production", "Head of Production", [4]string{"Casting", "Assembly", "Maintenance", "Planning"}},
	{"Sales", "Head of Sales", [4]string{"Key Accounts", "Retail", "Export", "Tenders"}},
	{"Logistics", "Head of Logistics", [4]string{"Warehousing", "Freight", "Customs", "Returns"}},
	{"People", "Head of People", [4]string{"Recruiting", "Payroll", "Learning", "Workplace"}},
	{"Information Technology", "Chief Information Officer", [4]string{"Networks", "Applications", "Service Desk", "Data"}},
}

var offices = []string{"Oslo", "Lisboa", "München", "Gdańsk", "İzmir", "Đà Nẵng", "東京", "Львів", "Αθήνα", "पुणे", "Tangier", "Leeds"}

// teamsEach is how many teams a department has.
const teamsEach = 4

// Company is the demo's company of 1,880 people. It is the same at every call.
func Company() *Organization {
	b := newBuilder(CompanyLabel, "linden.example", "emp", 1)
	chief := b.person(nil, "Chief Executive Officer", "Board", 0)
	var heads, leads, managers []Person
	for _, d := range divisions {
		heads = append(heads, b.person(&chief, d.head, d.name, 1))
	}
	for i, d := range divisions {
		for _, department := range d.departments {
			leads = append(leads, b.person(&heads[i], "Head of "+department, department, 2))
		}
	}
	for i, lead := range leads {
		for range teamsEach {
			m := b.person(&lead, "Team Lead", divisions[i/4].departments[i%4], 3)
			m.team = len(managers)
			managers = append(managers, m)
		}
	}
	teams := make([][]Person, len(managers))
	for i := 0; len(b.org.People) < companyPeople; i++ {
		m := managers[i%len(managers)]
		p := b.person(&m, pick(b.rand, titles), m.Department, 4)
		teams[m.team] = append(teams[m.team], p)
	}
	b.companyGroups(chief, heads, leads, managers, teams)
	return b.org
}

// Partner is the demo's second organization, of 120 people, which comes from an identity provider of its own.
func Partner() *Organization {
	b := newBuilder(PartnersLabel, "partners.example", "ext", 2)
	firms := []string{"Alder Consulting", "Birch Freight", "Cedar Castings", "Dogwood Systems"}
	var managers []Person
	for _, firm := range firms {
		managers = append(managers, b.person(nil, "Account Manager", firm, 0))
	}
	people := make([][]string, len(firms))
	for i := 0; len(b.org.People) < partnerPeople; i++ {
		m := managers[i%len(firms)]
		people[i%len(firms)] = append(people[i%len(firms)], b.person(&m, "Consultant", m.Department, 1).Key)
	}
	all := b.group("All Partners")
	for i, firm := range firms {
		g := b.group(firm, append([]string{managers[i].Key}, people[i]...)...)
		b.nest(all, g)
	}
	desk := b.group("Buying Desk", people[0][0], people[1][0])
	b.nest(desk, b.group("Buying Desk Night Shift", people[2][0], people[3][0]))
	return b.org
}

var titles = []string{"Specialist", "Senior Specialist", "Analyst", "Coordinator", "Technician", "Engineer", "Clerk", "Consultant", "Trainee", "Planner"}

// builder makes an organization out of a seeded source of chance.
type builder struct {
	org    *Organization
	rand   *rand.Rand
	domain string
	prefix string
	taken  map[string]int
}

func newBuilder(label, domain, prefix string, seed uint64) *builder {
	return &builder{
		org: &Organization{Label: label}, domain: domain, prefix: prefix, taken: map[string]int{},
		rand: rand.New(rand.NewPCG(seed, seed)), // always the same organization
	}
}

// person adds a person. One in thirty below the managers has left and is disabled.
func (b *builder) person(manager *Person, title, department string, level int) Person {
	c := pick(b.rand, cultures)
	given, family := pick(b.rand, c.given), pick(b.rand, c.family)
	p := Person{
		Key:   fmt.Sprintf("%s-%04d", b.prefix, len(b.org.People)+1),
		Given: given.written, Family: family.written, Locale: c.locale,
		Title: title, Department: department, Level: level,
		Location: pick(b.rand, offices), Active: level < 4 || b.rand.IntN(30) > 0,
	}
	if manager != nil {
		p.Manager = manager.Key
	}
	local := given.plain + "." + family.plain
	b.taken[local]++
	if n := b.taken[local]; n > 1 {
		local = fmt.Sprintf("%s%d", local, n)
	}
	p.UserName = local + "@" + b.domain
	b.org.People = append(b.org.People, p)
	return p
}

// DisplayName is the person's name in the order of their language.
func (p Person) DisplayName() string {
	if p.Locale == "ja-JP" || p.Locale == "vi-VN" {
		return p.Family + " " + p.Given
	}
	return p.Given + " " + p.Family
}
