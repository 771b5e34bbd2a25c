package demo

import "fmt"

// group adds a group with people in it and returns its index.
func (b *builder) group(name string, people ...string) int {
	b.org.Groups = append(b.org.Groups, Group{
		Key: fmt.Sprintf("%s-group-%03d", b.prefix, len(b.org.Groups)+1), Name: name, People: people,
	})
	return len(b.org.Groups) - 1
}

// nest puts groups into a group.
func (b *builder) nest(outer int, inner ...int) {
	for _, i := range inner {
		b.org.Groups[outer].Groups = append(b.org.Groups[outer].Groups, b.org.Groups[i].Key)
	}
}

// companyGroups adds the groups of the company's tree, and those that cut across it.
func (b *builder) companyGroups(chief Person, heads, leads, managers []Person, teams [][]Person) {
	everyone := b.group("All Staff", chief.Key)
	var departments []int
	for i, d := range divisions {
		division := b.group(d.name, heads[i].Key)
		b.nest(everyone, division)
		for j, department := range d.departments {
			inner := b.group(d.name+" "+department, leads[4*i+j].Key)
			b.nest(division, inner)
			departments = append(departments, inner)
		}
	}
	for i, m := range managers {
		members := []string{m.Key}
		for _, p := range teams[i] {
			members = append(members, p.Key)
		}
		team := b.group(fmt.Sprintf("%s Team %c", b.org.Groups[departments[i/teamsEach]].Name, 'A'+i%teamsEach), members...)
		b.nest(departments[i/teamsEach], team)
	}
	b.approvers(heads, leads, managers, teams)
	b.oddities(heads, leads, teams)
	b.projects(teams)
}

// approvers adds the groups that the demo asks about: six levels, each in the one before.
func (b *builder) approvers(heads, leads, managers []Person, teams [][]Person) {
	const purchasing = 1
	chain := []int{
		b.group("Approvers Worldwide", heads[0].Key, heads[purchasing].Key),
		b.group("Approvers Europe", leads[4*purchasing].Key, leads[4*purchasing+1].Key),
		b.group("Approvers Nordics", leads[4*purchasing+2].Key, managers[16].Key),
		b.group("Approvers Norway", managers[17].Key, managers[18].Key),
		b.group("Approvers Oslo", firstActive(teams[17], 2)...),
		b.group("Approvers Oslo Harbour", append(firstActive(teams[18], 3), firstDisabled(teams)...)...),
	}
	for i := range chain[1:] {
		b.nest(chain[i], chain[i+1])
	}
}

// oddities adds what real directories hold and programs stumble over.
func (b *builder) oddities(heads, leads []Person, teams [][]Person) {
	// A diamond: everybody in Budget Control is in Budget Owners by two ways.
	control := b.group("Budget Control", firstActive(teams[4], 4)...)
	finance := b.group("Budget Owners Finance", heads[0].Key, leads[0].Key)
	purchasing := b.group("Budget Owners Purchasing", heads[1].Key, leads[4].Key)
	owners := b.group("Budget Owners")
	b.nest(finance, control)
	b.nest(purchasing, control)
	b.nest(owners, finance, purchasing)

	// A cycle: each of the two holds the other.
	aurora := b.group("Project Aurora", firstActive(teams[40], 3)...)
	steering := b.group("Project Aurora Steering", heads[2].Key)
	b.nest(aurora, steering)
	b.nest(steering, aurora)

	// Two groups of one name.
	b.group("Reception", firstActive(teams[108], 2)...)
	b.group("Reception", firstActive(teams[110], 2)...)
}

// projects adds groups of people from everywhere.
func (b *builder) projects(teams [][]Person) {
	for _, name := range []string{"Project Borealis", "Project Cumulus", "First Aid", "Fire Wardens", "Car Pool", "Works Council", "日本語クラブ", "Клуб шахістів"} {
		members := []string{}
		for _, team := range teams {
			if b.rand.IntN(6) == 0 {
				members = append(members, pick(b.rand, team).Key)
			}
		}
		b.group(name, members...)
	}
}

func firstActive(team []Person, n int) []string {
	var out []string
	for _, p := range team {
		if p.Active && len(out) < n {
			out = append(out, p.Key)
		}
	}
	return out
}

// firstDisabled finds somebody who has left.
func firstDisabled(teams [][]Person) []string {
	for _, team := range teams[17:] {
		for _, p := range team {
			if !p.Active {
				return []string{p.Key}
			}
		}
	}
	return nil
}
