package syncer_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
	"github.com/roster-gateway/roster/syncer/synctest"
)

func TestAFirstRunAndADifferentialOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.user("u2", "ben@example.com")
	source.group("g1", "Staff", "u1", "u2")
	source.group("g2", "All", "g1", "nobody")
	source.manage("u2", "u1")
	run := w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	if run.Created != 4 || run.Linked != 4 || run.Mode != syncer.ModeFull {
		t.Errorf("the first run created %d, linked %d in mode %s", run.Created, run.Linked, run.Mode)
	}
	source.put(directory.KindUser, "u1", map[string]any{"displayName": "Ana"})
	source.unlink("g1", "u2")
	source.user("nobody", "nobody@example.com")
	run = w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	if run.Mode != syncer.ModeDelta || run.Created != 1 || run.Updated != 1 || run.Unlinked != 1 || run.Linked != 1 {
		t.Errorf("the differential run: %+v", run.Counts)
	}
	if run = w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Complete); run.Created+run.Updated+run.Linked+run.Unlinked+run.Deleted != 0 {
		t.Errorf("a full run over the same source changed %+v", run.Counts)
	}
}

// TestTheDirectoryBecomesWhatTheSourceIs is the law: after any changes at the source, told in any order and more than
// once, a run leaves the directory as the source is.
func TestTheDirectoryBecomesWhatTheSourceIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	for seed := range *synctest.Seeds {
		label := fmt.Sprintf("T%d", seed)
		source := w.add(label)
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		source.shuffled, source.pageSize = rand.New(rand.NewPCG(uint64(seed), 2)), 1+rng.IntN(5)
		for _, key := range []string{"guard.maxDeletePercent", "guard.maxUnlinkPercent"} {
			w.set(label, key, "100")
		}
		for range 6 {
			source.mutate(rng, 1+rng.IntN(12))
			o := syncer.StartOptions{Mode: []syncer.Mode{syncer.ModeAuto, syncer.ModeAuto, syncer.ModeFull}[rng.IntN(3)]}
			run := w.start(label, o)
			if run.Status != syncer.Complete && run.Status != syncer.Partial {
				t.Fatalf("seed %d: %s %s", seed, run.Status, *run.Reason)
			}
			if source.returned { // what they were members of is told by the next full round
				source.returned = false
				w.synced(label, syncer.StartOptions{}, syncer.Complete)
			}
			w.agree(label)
		}
	}
}

// mutate changes a tenant at random n times.
func (t *tenant) mutate(rng *rand.Rand, n int) {
	pick := func(kind directory.IdentityKind) string {
		t.mu.Lock()
		defer t.mu.Unlock()
		var ids []string
		for _, id := range slices.Sorted(maps.Keys(t.objects)) {
			if t.objects[id].kind == kind {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			return ""
		}
		return ids[rng.IntN(len(ids))]
	}
	for range n {
		id := fmt.Sprintf("%s%d", []string{"u", "g"}[rng.IntN(2)], t.tick)
		user, group := pick(directory.KindUser), pick(directory.KindGroup)
		if user == "" {
			t.user("u"+id, "user"+id+"@example.com")
			continue
		}
		if group == "" {
			t.group("g"+id, "Group "+id, user)
			continue
		}
		what := rng.IntN(13)
		if t.inBin(user) && slices.Contains([]int{3, 4, 6, 10}, what) {
			what = 11 // nobody can change who is in the bin
		}
		switch what {
		case 0, 1:
			t.user("u"+id, "user"+id+"@example.com")
		case 2:
			t.group("g"+id, fmt.Sprintf("Group %d", rng.IntN(5)), user, group)
		case 3:
			t.put(directory.KindUser, user, map[string]any{"displayName": fmt.Sprintf("Name %d", t.tick)})
		case 4:
			t.put(directory.KindUser, user, map[string]any{"userName": fmt.Sprintf("renamed%d@example.com", t.tick)})
		case 5:
			t.put(directory.KindGroup, group, map[string]any{"displayName": fmt.Sprintf("Group %d", rng.IntN(5))})
		case 6:
			t.put(directory.KindUser, user, map[string]any{"active": rng.IntN(2) == 0})
		case 7, 8:
			t.link(group, user)
		case 9:
			if members := t.membersOf(group); len(members) > 0 {
				if member := members[rng.IntN(len(members))]; !t.inBin(member) {
					t.unlink(group, member)
				}
			}
		case 10:
			t.manage(user, pick(directory.KindUser))
		case 11:
			if t.inBin(user) {
				t.restore(user)
			} else {
				t.remove(user, true)
			}
		case 12:
			t.remove([]string{user, group}[rng.IntN(2)], false)
		}
	}
}

func (t *tenant) inBin(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.objects[id].removed
}

func (t *tenant) membersOf(group string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Sorted(maps.Keys(t.objects[group].members))
}
