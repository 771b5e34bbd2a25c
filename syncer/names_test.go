package syncer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// names are the FQNs of users by their ids, and who of them is disabled.
func (w *world) names(label string, ids ...string) map[string]string {
	w.t.Helper()
	picture, out := w.rig.Picture(label), map[string]string{}
	for _, id := range ids {
		out[id] = picture[id].Name
		if picture[id].Status == directory.StatusDisabled {
			out[id] += " (disabled)"
		}
	}
	return out
}

// Names that are handed on in one round come to those who are to have them, also where somebody in the circle is disabled.
func TestR09NamesThatAreHandedOnInACircle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	for id, name := range map[string]string{"u1": "a", "u2": "b", "u3": "c", "u4": "d"} {
		source.user(id, name)
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	rename := func(id, name string, active bool) {
		source.put(directory.KindUser, id, map[string]any{"userName": name, "active": active})
	}
	rename("u1", "b", true)
	rename("u2", "a", false)
	rename("u3", "d", true)
	rename("u4", "c", true)
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	want := map[string]string{"u1": "b", "u2": "a (disabled)", "u3": "d", "u4": "c"}
	if d := cmp.Diff(want, w.names("AAD", "u1", "u2", "u3", "u4")); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	rename("u1", "a", false)
	rename("u2", "c", true)
	rename("u4", "b", false)
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	want = map[string]string{"u1": "a (disabled)", "u2": "c", "u3": "d", "u4": "b (disabled)"}
	if d := cmp.Diff(want, w.names("AAD", "u1", "u2", "u3", "u4")); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
}

// Who was refused for a name gets it once it is free, though the source tells only of who gave it up.
func TestR09ANameIsTriedAgainWhenItIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "a")
	source.user("u2", "b")
	source.group("g1", "Staff", "u2")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	source.put(directory.KindUser, "u2", map[string]any{"userName": "a", "title": "Buyer"})
	source.user("u3", "A")
	w.synced("AAD", syncer.StartOptions{}, syncer.Partial)
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete) // it tells of nobody
	source.user("u9", "z")
	run := w.synced("AAD", syncer.StartOptions{}, syncer.Partial)
	if run.Mode != syncer.ModeDelta || run.Failed != 2 {
		t.Errorf("who is refused still is listed by a run of mode %s, which counts %+v", run.Mode, run.Counts)
	}
	source.put(directory.KindUser, "u1", map[string]any{"userName": "c"})
	source.put(directory.KindUser, "u3", map[string]any{"userName": "d"})
	run = w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if run.Mode != syncer.ModeDelta {
		t.Errorf("the round was a %s one", run.Mode)
	}
	want := map[string]string{"u1": "c", "u2": "a", "u3": "d", "u9": "z"}
	if d := cmp.Diff(want, w.names("AAD", "u1", "u2", "u3", "u9")); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	w.agree("AAD")
}
