package dataset

import "strings"

// name is a name as it is written, and in the letters of an e-mail address.
type name struct{ written, plain string }

// A few names are not in ASCII, so that folding, searching and encoding have real work.
var (
	givens = names("Ada Amara Arjun Chloé=chloe Dmitri Elif Fatima Grace Hiroshi Ines Jan Kofi Lena Maja Noah Óscar=oscar Priya Quentin Ravi Sofia Tao Uma Viktor Wanda Yusuf Zoë=zoe")

	families = names("Adeyemi Becker Castro Díaz=diaz Eriksen Fontaine Gupta Haddad Ivanova Jansen Kowalski Lindqvist Mbeki Novák=novak Okafor Petrov Quispe Rossi Sato Tanaka Urban Vargas Weber Xu Yamada Zhang")

	titles = []string{"Analyst", "Buyer", "Controller", "Designer", "Engineer", "Field Technician", "Manager", "Planner", "Team Lead"}

	regions = []string{"Africa", "Americas", "Asia Pacific", "Europe", "Global", "Nordics"}

	purposes = []string{"Approvers", "Contributors", "Finance", "Logistics", "Operators", "Owners", "Project", "Readers", "Research", "Sales"}
)

// names reads a list of names. After a '=' stands the plain form of one that has letters outside ASCII.
func names(list string) []name {
	var out []name
	for _, word := range strings.Fields(list) {
		written, plain, ok := strings.Cut(word, "=")
		if !ok {
			plain = strings.ToLower(word)
		}
		out = append(out, name{written, plain})
	}
	return out
}
