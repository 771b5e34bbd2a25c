package directory_test

import (
	"testing"

	"github.com/roster-gateway/roster/directory"
)

// A name has one canonical form: NFC after Unicode case folding, and every other character counts. Two names of one form
// never come to one identity in silence: the second is refused, or gets a name of its own and is listed.
func TestI5NamesHaveOneCanonicalForm(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	plain := f.instance("HR", directory.TypeActiveDirectory, "")
	eu := f.instance("HR", directory.TypeActiveDirectory, "EU")

	// Whatever is not folded tells names apart, and an FQN is looked up whole.
	apart := []string{"ana", "ana ", " ana", "a:na", `a\na`, "a/na", "a%6ea", "añá", "ana\u200b", "ANA.", "EU/ana"}
	var puts []directory.Put
	for _, name := range apart {
		puts = append(puts, user(name))
	}
	for i, r := range f.put(plain, puts...) {
		if got := f.byFQN("HR:" + apart[i]); got == nil || got.UID != r.UID || r.FQN != "HR:"+apart[i] {
			t.Errorf("HR:%s finds %v, want %v", apart[i], got, r)
		}
	}
	for spelt, name := range map[string]string{
		"hr:ANA": "ana", "Hr:Ana ": "ana ", `HR:A\NA`: `a\na`, "HR:AÑÁ": "añá", "HR:an\u0303a\u0301": "añá", "HR:AN\u0303A\u0301": "añá",
	} {
		if got := f.byFQN(spelt); got == nil || got.Name != name {
			t.Errorf("%q finds %v, want %q", spelt, got, name)
		}
	}
	for _, unknown := range []string{"HR:ana\u00a0", "HR: ana ", "HR:a／na", "HR:a\\\\na", "ana", "HR:", ":ana", "HR"} {
		if got := f.byFQN(unknown); got != nil {
			t.Errorf("%q finds %v, want nobody", unknown, got)
		}
	}

	// Names of one form: users are refused.
	for _, again := range []string{"ANA", "an\u0303a\u0301", `A\NA`} {
		_, err := f.Apply(f.ctx, directory.Changes{Instance: plain, Put: []directory.Put{user(again)}})
		if !directory.HasCode(err, directory.CodeConflict) {
			t.Errorf("a second user %q: %v, want CONFLICT", again, err)
		}
	}
	// Across instances an FQN may be meant in two ways: the later one is told apart, and both are listed.
	first := f.put(plain, user(`EU\bo`))[0]
	second := f.put(eu, user("bo"))[0]
	if first.FQN != `HR:EU\bo` || second.FQN == first.FQN {
		t.Errorf("the FQNs are %q and %q", first.FQN, second.FQN)
	}
	if got := f.byFQN(`hr:eu\BO`); got == nil || got.UID != first.UID {
		t.Errorf("the ambiguous name finds %v, want the first", got)
	}
	if got := f.byFQN(second.FQN); got == nil || got.UID != second.UID {
		t.Errorf("%q finds %v, want the second", second.FQN, got)
	}
	wantEqual(t, "conflicts", f.conflicts(), []string{`AMBIGUOUS_NAME ` + first.FQN + " " + second.FQN})

	// What stands before a separator holds none.
	for _, label := range []string{"A:B", `A\B`, ":", ""} {
		if _, err := f.AddProvider(f.ctx, label, directory.TypeSCIM, true); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("a provider %q: %v", label, err)
		}
		if _, err := f.CreateRole(f.ctx, label, nil); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("a role %q: %v", label, err)
		}
		if label == "" {
			continue
		}
		if _, err := f.AddInstance(f.ctx, "HR", label, true); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("an instance %q: %v", label, err)
		}
	}
}
