package syncer_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/syncer"
)

// crowd fills a tenant with users who are all in one group.
func (w *world) crowd(users int) (source *tenant, ids []string) {
	source = w.tenants["AAD"]
	for n := range users {
		id := fmt.Sprintf("u%02d", n)
		ids = append(ids, id)
		source.user(id, id+"@example.com")
	}
	source.group("g1", "Staff", ids...)
	return source, ids
}

// TestSafetyR13TwoReplicasStartOneSync: of many who start a synchronization at once on two replicas one does, and one of the
// replicas runs it.
func TestSafetyR13TwoReplicasStartOneSync(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source, _ := w.crowd(10)
	watch := &watched{}
	source.fail = watch.page
	var replicas []*syncer.Service
	for range 2 {
		s := w.rig.Service(syncer.Config{Lease: 3 * time.Second, Poll: 5 * time.Millisecond})
		replicas = append(replicas, s)
		w.rig.Work(s)
	}
	var started atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			_, err := replicas[i%2].Start(t.Context(), "AAD", "", syncer.StartOptions{Mode: syncer.ModeFull})
			switch {
			case err == nil:
				started.Add(1)
			case !directory.HasCode(err, directory.CodeConflict):
				t.Errorf("a start: %v", err)
			}
		})
	}
	all.Wait()
	page, err := w.sync.RunsOf(syncer.RunFilter{}, directory.PageArgs{First: 10})
	w.must(err)
	runs, err := page.Nodes(t.Context())
	w.must(err)
	if int64(len(runs)) != started.Load() || started.Load() == 0 {
		t.Errorf("%d starts succeeded, and there are %d runs", started.Load(), len(runs))
	}
	for _, run := range runs {
		if run = w.wait(run.UID); run.Status != syncer.Complete {
			t.Errorf("a run is %s", run.Status)
		}
	}
	if n := watch.together.Load(); n > 0 {
		t.Errorf("the source was read by two at once, %d times", n)
	}
	w.agree("AAD")
}

// TestSafetyR14PageSevenOfTwentyFails: a round that broke off is tried again where it did. Nothing is taken over of one that comes
// no further, nobody is deleted, and the next run goes through.
func TestSafetyR14PageSevenOfTwentyFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source, ids := w.crowd(39)
	source.pageSize = 2
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	before := w.directoryPicture("AAD")
	source.forget(ids[0])
	source.forget(ids[38])
	var pages atomic.Int64
	var asked []int // for pages, by the run that comes no further
	source.fail = func(page int) error {
		asked = append(asked, page)
		if page == 6 {
			return connector.Errorf(connector.Unavailable, "The source hung up.")
		}
		return nil
	}
	run := w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Partial)
	if want := "The source hung up. It had told 6 pages by then; nothing of them was taken over, and nothing was deleted."; run.Reason == nil || *run.Reason != want || run.Pages != 6 || run.Deleted != 0 || run.Unlinked != 0 {
		t.Errorf("the run says %v after %d pages, and deleted %d", run.Reason, run.Pages, run.Deleted)
	}
	if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5, 6, 6}, asked); diff != "" {
		t.Errorf("the pages that were asked for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, w.directoryPicture("AAD")); diff != "" {
		t.Errorf("a round that broke off changed something:\n%s", diff)
	}
	failures := 2
	source.fail = func(page int) error {
		pages.Store(int64(page))
		if page%7 == 6 && failures > 0 {
			failures--
			return connector.Errorf(connector.Unavailable, "The source hung up.")
		}
		return nil
	}
	run = w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Partial)
	if failures != 0 || run.Pages != 6 {
		t.Errorf("a run that came no further the second time read %d pages", run.Pages)
	}
	failures = 1
	run = w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Complete)
	if n := pages.Load(); n < 19 || run.Pages != int(n)+1 || run.Reason != nil {
		t.Errorf("the source has %d pages, want about 20, and the run says %v after %d", n+1, run.Reason, run.Pages)
	}
	w.agree("AAD")
}

// TestSafetyR15AnExpiredStateIsNoFlash: the round that begins anew takes nobody away in between.
func TestSafetyR15AnExpiredStateIsNoFlash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source, ids := w.crowd(30)
	source.pageSize = 3
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	source.put(directory.KindUser, ids[3], map[string]any{"displayName": "Changed"})
	source.forgotten = source.tick
	watching, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	looks := 0
	watch.Go(func() {
		for watching.Err() == nil {
			seen := w.directoryPicture("AAD")
			for _, id := range append([]string{"g1"}, ids...) {
				if seen[id] == "" {
					t.Errorf("%s is gone while everything is read anew", id)
					return
				}
			}
			looks++
			time.Sleep(time.Millisecond)
		}
	})
	full := 0
	source.fail = func(page int) error { full = max(full, page); time.Sleep(5 * time.Millisecond); return nil }
	run := w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	stop()
	watch.Wait()
	if looks < 2 || full < 10 || run.Deleted+run.Unlinked > 0 {
		t.Errorf("it was looked at %d times, %d pages were read, %d deleted and %d unlinked", looks, full+1, run.Deleted, run.Unlinked)
	}
	w.agree("AAD")
}

// TestSafetyR16OneBadObjectIsListed, and all the others are taken over.
func TestSafetyR16OneBadObjectIsListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source, ids := w.crowd(12)
	source.put(directory.KindUser, ids[5], map[string]any{"userName": ""})
	run := w.synced("AAD", syncer.StartOptions{}, syncer.Partial)
	if run.Failed != 1 {
		t.Errorf("%d failures are listed", run.Failed)
	}
	seen := w.directoryPicture("AAD")
	for i, id := range ids {
		if there := seen[id] != ""; there != (i != 5) {
			t.Errorf("%s is there: %t", id, there)
		}
	}
	source.put(directory.KindUser, ids[5], map[string]any{"userName": ids[5] + "@example.com"})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
}
