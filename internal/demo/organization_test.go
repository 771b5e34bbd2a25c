package demo

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOrganizationsAreWhole(t *testing.T) {
	t.Parallel()
	for _, org := range []*Organization{Company(), Partner()} {
		level, taken := map[string]int{}, map[string]bool{}
		for _, p := range org.People {
			key := strings.ToLower(p.UserName)
			if taken[key] || p.Given == "" || p.Family == "" {
				t.Errorf("%s: %+v", org.Label, p)
			}
			taken[key], level[p.Key] = true, p.Level
			if above, ok := level[p.Manager]; p.Manager != "" && (!ok || above >= p.Level) {
				t.Errorf("%s comes before the manager %s, or is not below", p.Key, p.Manager)
			}
		}
		groups := map[string]bool{}
		for _, g := range org.Groups {
			groups[g.Key] = true
		}
		for _, g := range org.Groups {
			for _, key := range g.People {
				if _, ok := level[key]; !ok {
					t.Errorf("%s holds the unknown person %q", g.Name, key)
				}
			}
			for _, key := range g.Groups {
				if !groups[key] {
					t.Errorf("%s holds the unknown group %q", g.Name, key)
				}
			}
		}
	}
}

func TestOrganizationsAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]*Organization{Company(), Partner()}, []*Organization{Company(), Partner()}, cmp.AllowUnexported(Person{})); diff != "" {
		t.Error(diff)
	}
}

// TestOrganizationsHoldWhatIsHard: what real directories hold, so that the demo shows it.
func TestOrganizationsHoldWhatIsHard(t *testing.T) {
	t.Parallel()
	company, partners := Company(), Partner()
	if n := len(company.People) + len(partners.People); n != 2000 {
		t.Errorf("%d people, want 2000", n)
	}
	if n := len(company.Groups) + len(partners.Groups); n < 180 || n > 220 {
		t.Errorf("%d groups, want about 200", n)
	}
	disabled, foreign := 0, 0
	for _, p := range company.People {
		if !p.Active {
			disabled++
		}
		if strings.IndexFunc(p.DisplayName(), func(r rune) bool { return r > 127 }) >= 0 {
			foreign++
		}
	}
	if disabled < 20 || foreign < 500 {
		t.Errorf("%d are disabled, %d have names beyond ASCII", disabled, foreign)
	}
	byKey, byName := map[string]Group{}, map[string]int{}
	for _, g := range company.Groups {
		byKey[g.Key] = g
		byName[g.Name]++
	}
	if byName["Reception"] != 2 {
		t.Errorf("%d groups are named Reception, want 2", byName["Reception"])
	}
	depth, cycle := 0, false
	for _, g := range company.Groups {
		d, c := deepest(byKey, g.Key, nil)
		depth, cycle = max(depth, d), cycle || c
	}
	if depth != 6 || !cycle {
		t.Errorf("groups nest %d deep (cycle: %t), want 6 and a cycle", depth, cycle)
	}
}

// deepest is how many groups are in each other from one on, and whether one of them holds itself.
func deepest(groups map[string]Group, key string, above []string) (depth int, cycle bool) {
	for _, k := range above {
		if k == key {
			return 0, true
		}
	}
	for _, inner := range groups[key].Groups {
		d, c := deepest(groups, inner, append(above, key))
		depth, cycle = max(depth, d), cycle || c
	}
	return depth + 1, cycle
}
