package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
)

// R20: changed settings hold for what is there already, all of it, also where that is broken off and where the settings
// change once more on the way.
func TestR20ChangedSettingsReachWhoIsThere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	i, other := f.instance("HR", directory.TypeSCIM, ""), f.instance("Elsewhere", directory.TypeSCIM, "")
	const people = 450
	puts := make([]directory.Put, people)
	for n := range puts {
		puts[n] = user(fmt.Sprintf("user%03d", n))
	}
	f.put(i, puts...)
	f.put(other, user("zoe"))
	set := func(key, value string) {
		t.Helper()
		if err := f.store.SetRuntimeConfig(f.ctx, i.ID, directory.RuntimeConfigEntry{Key: key, Value: &value}, nil, true, directory.Audit{}); err != nil {
			t.Fatal(err)
		}
	}
	calls, disturb := 0, func(call int) error { return nil }
	describe := func(i *directory.Instance, records []*directory.Record) (directory.Changes, error) {
		calls++
		if err := disturb(calls); err != nil {
			return directory.Changes{}, err
		}
		c := directory.Changes{Instance: i, Action: "test"}
		for _, r := range records {
			description := strings.ToUpper(r.Name) + i.Config["suffix"]
			c.Put = append(c.Put, directory.Put{UID: r.UID, IfVersion: r.Version, Kind: r.Kind, Name: r.Name, Status: r.Status, Description: &description})
		}
		return c, nil
	}
	described := func() map[string]int {
		t.Helper()
		records, err := f.store.List(f.ctx, directory.ListQuery{Kinds: []directory.IdentityKind{directory.KindUser}, Status: directory.AnyLive, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, r := range records {
			if r.Description == nil {
				counts["none"]++
				continue
			}
			counts[strings.TrimPrefix(*r.Description, strings.ToUpper(r.Name))]++
		}
		return counts
	}
	check := func(what string, want map[string]int) {
		t.Helper()
		if diff := cmp.Diff(want, described()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", what, diff)
		}
	}
	reevaluate := func() error { return f.ReevaluateAll(f.ctx, f.store, describe) }

	if err := reevaluate(); err != nil || calls != 0 {
		t.Fatalf("without a change: %v, %d calls", err, calls)
	}
	set("suffix", " one")
	broken := errors.New("broken off")
	disturb = func(call int) error {
		if call == 2 {
			return broken
		}
		return nil
	}
	if err := reevaluate(); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	check("broken off", map[string]int{" one": 200, "none": people - 200 + 1})
	if err := reevaluate(); err != nil || calls != 4 {
		t.Fatalf("gone on: %v, %d calls", err, calls)
	}
	check("gone on", map[string]int{" one": people, "none": 1})

	for _, when := range []int{1, 2, 3} {
		calls = 0
		disturb = func(call int) error {
			if call == when {
				set("suffix", fmt.Sprint(" again", when))
			}
			return nil
		}
		set("suffix", " two")
		if err := reevaluate(); err != nil {
			t.Fatal(err)
		}
		check("changed on the way", map[string]int{fmt.Sprint(" again", when): people, "none": 1})
	}
	disturb = func(call int) error { return nil }
	if _, err := f.store.DeleteRuntimeConfig(f.ctx, i.ID, "suffix", true, directory.Audit{}); err != nil {
		t.Fatal(err)
	}
	if err := reevaluate(); err != nil {
		t.Fatal(err)
	}
	check("unset", map[string]int{"": people, "none": 1})
}
