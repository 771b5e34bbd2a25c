package syncer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// TestR18TheSoftRemovalOfADisabledUserIsPlanned: whom the source had disabled before it removed them keep their name, and
// the plan says what has become of them.
func TestR18TheSoftRemovalOfADisabledUserIsPlanned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.put(directory.KindUser, "u1", map[string]any{"userName": "ana@example.com", "displayName": "Ana", "active": false})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	source.remove("u1", true)
	run := w.synced("AAD", syncer.StartOptions{DryRun: true}, syncer.Planned)
	want := []string{"UPDATE AAD:ana@example.com deleted at the source, where it can be restored"}
	if diff := cmp.Diff(want, w.plan(run)); diff != "" {
		t.Errorf("the plan (-want +have):\n%s", diff)
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
}
