package resolvers_test

import (
	"testing"

	"github.com/roster-gateway/roster/resolvers"
)

// What is counted or walked when it is asked for costs something; what was read with its object costs nothing.
func TestWhatIsWorkedOutCosts(t *testing.T) {
	t.Parallel()
	schema := served()
	for on, names := range map[string][]string{
		"Group": {"memberCount", "hasMember"}, "Role": {"memberCount", "hasMember"}, "Container": {"memberCount", "hasMember"},
		"UserConnection": {"totalCount"}, "MemberConnection": {"totalCount"}, "Query": {"principals"},
	} {
		for _, name := range names {
			if resolvers.Weigh(schema.Types[on].Fields.ForName(name)) <= 0 {
				t.Errorf("%s.%s costs nothing", on, name)
			}
		}
	}
	for _, name := range []string{"id", "fqn", "email", "createdAt"} {
		if cost := resolvers.Weigh(schema.Types["User"].Fields.ForName(name)); cost != 0 {
			t.Errorf("User.%s costs %d", name, cost)
		}
	}
}
