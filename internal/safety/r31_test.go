package safety

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Everything that reads what strangers send is fuzzed, and all tests run with the race detector.
func TestSafetyR31RaceDetectorAndFuzzTargets(t *testing.T) {
	for what, c := range map[string]struct{ folder, target string }{
		"SCIM filters":    {"scim/filter", "FuzzParse"},
		"SCIM paths":      {"scim/filter", "FuzzParsePath"},
		"SCIM patches":    {"scim", "FuzzPatch"},
		"SCIM bulk":       {"scim", "FuzzBulk"},
		"JSON of SCIM":    {"scim", "FuzzDecodeObject"},
		"JSON of GraphQL": {"internal/graphqlhttp", "FuzzDecodeRequest"},
		"FQNs":            {"directory", "FuzzFQN"},
		"cursors":         {"directory", "FuzzCursor"},
		"revisions":       {"directory", "FuzzRevision"},
		"JWTs":            {"access/issuer", "FuzzVerify"},
		"claims":          {"connector/sharepoint", "FuzzClaim"},
		"SQL statements":  {"connector/sqldb", "FuzzStatement"},
		"LDAP escape":     {"connector/activedirectory", "FuzzEscapeFilter"},
		"access lists":    {"connector/activedirectory", "FuzzGrants"},
		"LDAP names":      {"connector/activedirectory", "FuzzReference"},
	} {
		files, err := filepath.Glob(filepath.Join(root, c.folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(text), "func "+c.target+"(f *testing.F)")
		}
		if !found {
			t.Errorf("%s: %s has no %s", what, c.folder, c.target)
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"RACE ?= $(if $(shell command -v $${CC:-cc} 2>/dev/null),-race)", "$(GO) test $(RACE) -vet=off -timeout 5m ./..."} {
		if !strings.Contains(string(makefile), line) {
			t.Errorf("the Makefile does not say %q", line)
		}
	}
}
