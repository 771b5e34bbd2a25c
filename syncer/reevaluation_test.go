package syncer_test

import "testing"

// TestR20WithoutAScheduleAFilterMakesNoRunDue: what is not scheduled has no next run, whatever its filters.
func TestR20WithoutAScheduleAFilterMakesNoRunDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("AAD", "filter.users", `userType eq "Member"`)
	i, err := w.people.Instance(t.Context(), "AAD", "")
	w.must(err)
	if i.NextRunAt != nil {
		t.Errorf("the next run is due at %s, and there is no schedule", i.NextRunAt)
	}
}
