package syncer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/syncer"
)

// byFQN finds an identity, nil where there is none.
func (w *world) byFQN(fqn string) directory.Identity {
	w.t.Helper()
	found, err := w.people.Reader().ByFQN(w.t.Context(), fqn)
	w.must(err)
	return found
}

func (w *world) uidOf(fqn string) string {
	w.t.Helper()
	found := w.byFQN(fqn)
	if found == nil {
		w.t.Fatalf("there is no %s", fqn)
	}
	return found.Base().UID.String()
}

func (w *world) failures(run *syncer.Run) []syncer.Failure {
	w.t.Helper()
	page, err := w.sync.Failures(run, directory.PageArgs{First: 1000})
	w.must(err)
	nodes, err := page.Nodes(w.t.Context())
	w.must(err)
	out := []syncer.Failure{}
	for _, f := range nodes {
		f.ID = 0
		out = append(out, *f)
	}
	return out
}

func (w *world) plan(run *syncer.Run) []string {
	w.t.Helper()
	page, err := w.sync.PlannedChanges(run, directory.PageArgs{First: 1000})
	w.must(err)
	nodes, err := page.Nodes(w.t.Context())
	w.must(err)
	out := []string{}
	for _, c := range nodes {
		line := string(c.Action) + " " + c.FQN
		if c.Detail != nil {
			line += " " + *c.Detail
		}
		out = append(out, line)
	}
	return out
}

func TestR06TheKeyIsTheSourcesID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.user("u2", "ben@example.com")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	was := w.uidOf("AAD:ana@example.com")
	// The names change hands; the keys do not.
	source.put(directory.KindUser, "u1", map[string]any{"userName": "ben@example.com"})
	source.put(directory.KindUser, "u2", map[string]any{"userName": "ana@example.com"})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	if now := w.uidOf("AAD:ben@example.com"); now != was {
		t.Errorf("the identity with the key u1 is another one now")
	}
}

func TestR07GroupsOfOneNameStaySeparate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.group("g2", "Staff", "u1")
	source.group("g1", "Staff")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	if plain := w.byFQN("AAD:Staff"); *plain.Base().ExternalID != "g1" {
		t.Errorf("the plain name is %s's, want the lowest external id's", *plain.Base().ExternalID)
	}
	conflicts, err := w.people.Reader().Conflicts(directory.PageArgs{First: 10})
	w.must(err)
	nodes, err := conflicts.Nodes(t.Context())
	w.must(err)
	if len(nodes) != 1 || nodes[0].Kind != directory.DuplicateName || len(nodes[0].Identities) != 2 {
		t.Errorf("the conflicts do not list the pair: %v", nodes)
	}
}

func TestR07MergedGroupsAreOneAndAParting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	merge := directory.Merge
	_, err := w.people.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "AAD", DuplicateNames: &merge})
	w.must(err)
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.user("u2", "ben@example.com")
	source.group("g1", "Staff", "u1")
	source.group("g2", "Staff", "u2")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	members := func() []string {
		resolved, err := w.people.Reader().Resolve(t.Context(), []string{"AAD:Staff"})
		w.must(err)
		page, err := w.people.Reader().ResolvedUsers(resolved.Results[0], directory.PageArgs{First: 10})
		w.must(err)
		users, err := page.Nodes(t.Context())
		w.must(err)
		out := []string{}
		for _, user := range users {
			out = append(out, user.Name)
		}
		slices.Sort(out)
		return out
	}
	if got := members(); !slices.Equal(got, []string{"ana@example.com", "ben@example.com"}) {
		t.Errorf("the merged group has %v", got)
	}
	source.put(directory.KindGroup, "g2", map[string]any{"displayName": "Others"})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if got := members(); !slices.Equal(got, []string{"ana@example.com"}) {
		t.Errorf("after the parting the group has %v", got)
	}
	w.agree("AAD")
}

func TestR08ARenamedGroupIsFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.group("g1", "Staff", "u1")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	was := w.uidOf("AAD:Staff")
	source.put(directory.KindGroup, "g1", map[string]any{"displayName": "Crew"})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if w.uidOf("AAD:Crew") != was || w.uidOf("AAD:Staff") != was {
		t.Error("the new name and the old one do not lead to the group")
	}
	disable := directory.DisableOld
	_, err := w.people.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "AAD", Renames: &disable})
	w.must(err)
	source.put(directory.KindGroup, "g1", map[string]any{"displayName": "Team"})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	old := w.byFQN("AAD:Crew")
	if w.uidOf("AAD:Team") != was || old.Base().UID.String() == was || old.Base().Status != directory.StatusDisabled {
		t.Error("no disabled placeholder has the old name")
	}
	w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Complete)
	if w.byFQN("AAD:Crew").Base().Status != directory.StatusDisabled {
		t.Error("a full run swept the placeholder")
	}
}

func TestR09ARenamedUserStaysOnePersonAndOneWithoutANameIsAFailure(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.user("u2", "")
	source.user("u3", "ANA@example.com")
	run := w.synced("AAD", syncer.StartOptions{}, syncer.Partial)
	want := []syncer.Failure{
		{ExternalID: "u2", Code: directory.MissingRequired, Message: "The source tells no userName, without which it cannot be stored. Give it one there."},
		{ExternalID: "u3", FQN: ptr("AAD:ANA@example.com"), Code: directory.DuplicateKey, Message: `Another user of this provider instance has the userName "ANA@example.com".`},
	}
	got := w.failures(run)
	slices.SortFunc(got, func(a, b syncer.Failure) int { return strings.Compare(a.ExternalID, b.ExternalID) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if run.Failed != 2 || run.Created != 1 {
		t.Errorf("the run counts %+v", run.Counts)
	}
	was := w.uidOf("AAD:ana@example.com")
	source.remove("u3", false) // who else would have the name now
	source.put(directory.KindUser, "u1", map[string]any{"userName": "ana.smith@example.com"})
	w.start("AAD", syncer.StartOptions{})
	if w.uidOf("AAD:ana.smith@example.com") != was {
		t.Error("a second person was made of a rename")
	}
	if w.uidOf("AAD:ana@example.com") != was {
		t.Error("the old name leads to somebody else")
	}
}

func ptr[T any](v T) *T { return &v }

func TestR10EveryEdgeIsStoredCyclesIncluded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.group("g1", "A", "u1")
	source.group("g2", "B", "g1")
	source.link("g1", "g2")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	checks, err := w.people.Reader().CheckMembership(t.Context(), []directory.MembershipCheckInput{{Member: "AAD:ana@example.com", Container: "AAD:B"}})
	w.must(err)
	if !checks[0].IsMember {
		t.Error("a user in a nested group is no member of the outer one")
	}
}

// TestR11SkippedMembersAreListed and R12: members of a site's groups belong to the tenant, and may come later.
func TestR11SkippedMembersAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	site := w.add("SITE")
	site.noDelta = true
	site.group("s/1", "Visitors")
	site.skip = []connector.Failure{{Key: "c:0(.s|true", Code: directory.UnmappedPrincipal, Message: "Everyone is nobody in particular."}}
	run := w.synced("SITE", syncer.StartOptions{}, syncer.Complete)
	if got := w.failures(run); run.Skipped != 1 || run.Failed != 0 || len(got) != 1 || got[0].ExternalID != "c:0(.s|true" {
		t.Errorf("skipped %d, failed %d: %v", run.Skipped, run.Failed, got)
	}
}

func TestR12MembersOfAnotherProviderAreLinkedWhenTheyAppear(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	site := w.add("SITE")
	site.noDelta = true
	site.group("s/1", "Visitors")
	site.foreign = []connector.Link{
		{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: "s/1", Other: connector.Ref{Provider: "aad", Kind: directory.KindUser, Name: "Ana@Example.com"}},
		{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: "s/1", Other: connector.Ref{Provider: "AAD", Kind: directory.KindGroup, Key: "g1"}},
	}
	w.synced("SITE", syncer.StartOptions{}, syncer.Complete)
	members := func() (names []string) {
		group := w.byFQN("SITE:Visitors")
		edges, err := w.store.Edges(t.Context(), []directory.EdgeQuery{{Of: group.Base().ID, Scope: directory.ScopeDirect, Status: directory.AnyLive}})
		w.must(err)
		for _, edge := range edges[0] {
			found, err := w.store.ByIDs(t.Context(), []int64{edge.ID})
			w.must(err)
			names = append(names, found[0].FQN)
		}
		slices.Sort(names)
		return names
	}
	if got := members(); len(got) != 0 {
		t.Errorf("members before the tenant was read: %v", got)
	}
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.group("g1", "Staff")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	want := []string{"AAD:Staff", "AAD:ana@example.com"}
	if got := members(); !slices.Equal(got, want) {
		t.Errorf("members after the tenant was read: %v, want %v", got, want)
	}
	for range 2 { // and they stay, whoever runs
		w.synced("SITE", syncer.StartOptions{}, syncer.Complete)
		w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Complete)
	}
	if got := members(); !slices.Equal(got, want) {
		t.Errorf("members after more runs: %v, want %v", got, want)
	}
	source.put(directory.KindUser, "u1", map[string]any{"userName": "ana.smith@example.com"})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.synced("SITE", syncer.StartOptions{}, syncer.Complete) // which still knows her by the name that she had
	if got := members(); len(got) != 2 || got[1] != "AAD:ana.smith@example.com" {
		t.Errorf("members after one was renamed: %v", got)
	}
	want[1] = "AAD:ana.smith@example.com"
	site.foreign = site.foreign[:1]
	w.synced("SITE", syncer.StartOptions{}, syncer.Complete)
	if got := members(); !slices.Equal(got, want[1:]) {
		t.Errorf("members after one left: %v, want %v", got, want[1:])
	}
}

func TestR13FirstFullThenDifferentialByASchedule(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	i, err := w.sync.SetSchedule(t.Context(), "AAD", "", ptr(time.Second))
	w.must(err)
	if i.SyncSchedule == nil || *i.SyncSchedule != time.Second || i.NextRunAt == nil {
		t.Errorf("the schedule is %v, the next run %v", i.SyncSchedule, i.NextRunAt)
	}
	runs := func() []*syncer.Run {
		page, err := w.sync.RunsOf(syncer.RunFilter{}, directory.PageArgs{First: 100})
		w.must(err)
		nodes, err := page.Nodes(t.Context())
		w.must(err)
		return nodes
	}
	deadline := time.Now().Add(20 * time.Second)
	for len(runs()) < 3 && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	_, err = w.sync.SetSchedule(t.Context(), "AAD", "", nil)
	w.must(err)
	done := runs()
	if len(done) < 3 || done[len(done)-1].Mode != syncer.ModeFull || done[len(done)-2].Mode != syncer.ModeDelta || !done[0].Scheduled {
		t.Errorf("the runs of a schedule: %d, first %s, second %s", len(done), done[len(done)-1].Mode, done[len(done)-2].Mode)
	}
	w.wait(done[0].UID)
	n := len(runs())
	time.Sleep(1500 * time.Millisecond)
	if got := len(runs()); got > n+1 {
		t.Errorf("%d runs more without a schedule", got-n)
	}
}

func TestR14AFullRunReconcilesAndAPartialReadRemovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	for _, id := range []string{"u1", "u2", "u3", "u4"} {
		source.user(id, id+"@example.com")
	}
	source.group("g1", "Staff", "u1", "u2", "u3", "u4")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	before := w.directoryPicture("AAD")
	source.forget("u3")
	source.fail = func(page int) error {
		if page == 1 {
			return connector.Errorf(connector.Unavailable, "The source hung up.")
		}
		return nil
	}
	run := w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Partial)
	if run.Reason == nil || !strings.HasPrefix(*run.Reason, "The source hung up. It had told ") {
		t.Errorf("the reason is %v", run.Reason)
	}
	if diff := cmp.Diff(before, w.directoryPicture("AAD")); diff != "" {
		t.Errorf("a partial read changed something:\n%s", diff)
	}
	source.fail = nil
	w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Complete)
	w.agree("AAD")
	if gone := w.byFQN("AAD:u3@example.com"); gone == nil || gone.Base().Status != directory.StatusDeleted {
		t.Error("who is no longer at the source is no tombstone")
	}
}

func TestR15SkipDeletedTakesBackNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.user("u2", "ben@example.com")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	source.remove("u2", false)
	source.put(directory.KindUser, "u1", map[string]any{"displayName": "Ana"})
	if run := w.synced("AAD", syncer.StartOptions{SkipDeleted: true}, syncer.Complete); run.Deleted != 0 || run.Updated != 1 {
		t.Errorf("the run counts %+v", run.Counts)
	}
	if left := w.byFQN("AAD:ben@example.com"); left.Base().Status != directory.StatusActive {
		t.Errorf("who was to be left is %s", left.Base().Status)
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete) // nobody tells of the deletion again, so that this is a full round
	w.agree("AAD")
}

// TestR16LinksOfOtherInstancesAreNotCounted: who is deleted takes links of other instances along. These are neither among
// the links that the instance has nor among those that it loses.
func TestR16LinksOfOtherInstancesAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	people, site := w.tenants["AAD"], w.add("Site")
	for n := range 20 {
		people.user(fmt.Sprintf("u%d", n), fmt.Sprintf("u%d@example.com", n))
	}
	people.manage("u1", "u0")
	for n := range 10 {
		group := fmt.Sprintf("g%d", n)
		site.group(group, "Group "+group)
		for member := range 3 {
			site.foreign = append(site.foreign, connector.Link{
				Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: group,
				Other: connector.Ref{Provider: "AAD", Key: fmt.Sprintf("u%d", member)},
			})
		}
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if run := w.synced("Site", syncer.StartOptions{}, syncer.Complete); run.Linked != 30 {
		t.Fatalf("%d links were made, want 30", run.Linked)
	}
	for member := range 3 {
		people.remove(fmt.Sprintf("u%d", member), false)
	}
	if run := w.synced("AAD", syncer.StartOptions{}, syncer.Complete); run.Deleted != 3 {
		t.Errorf("%d identities were deleted, want 3", run.Deleted)
	}
}

// Whatever happens to everybody at once is quarantined, and applied when it is approved.
func TestSafetyR17R18S10WhatHappensToEverybodyIsQuarantined(t *testing.T) {
	t.Parallel()
	const people = 20
	id := func(n int) string { return fmt.Sprintf("u%02d", n) }
	name := func(n int) string { return id(n) + "@example.com" }
	for what, c := range map[string]struct {
		happens func(source *tenant, n int)
		did     func(run *syncer.Run) int
	}{
		"deleted":  {func(source *tenant, n int) { source.remove(id(n), false) }, func(run *syncer.Run) int { return run.Deleted }},
		"unlinked": {func(source *tenant, n int) { source.unlink("g1", id(n)) }, func(run *syncer.Run) int { return run.Unlinked }},
		"disabled": {func(source *tenant, n int) {
			source.put(directory.KindUser, id(n), map[string]any{"userName": name(n), "active": false})
		}, func(run *syncer.Run) int { return run.Disabled }},
		"renamed": {func(source *tenant, n int) { source.user(id(n), "new-"+name(n)) }, func(run *syncer.Run) int { return run.Updated }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.work()
			source := w.tenants["AAD"]
			ids := []string{}
			for n := range people {
				ids = append(ids, id(n))
				source.user(id(n), name(n))
			}
			source.group("g1", "Staff", ids...)
			w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
			before := w.directoryPicture("AAD")
			for n := range people {
				c.happens(source, n)
			}
			run := w.synced("AAD", syncer.StartOptions{}, syncer.Quarantined)
			if diff := cmp.Diff(before, w.directoryPicture("AAD")); diff != "" {
				t.Fatalf("a quarantined run changed something:\n%s", diff)
			}
			if run.PlanHash == nil || run.Reason == nil || !strings.Contains(*run.Reason, "accident") {
				t.Fatalf("the run says %v, its plan %v", run.Reason, run.PlanHash)
			}
			_, err := w.sync.Approve(t.Context(), run.UID, *run.PlanHash)
			w.must(err)
			if run = w.wait(run.UID); run.Status != syncer.Complete || c.did(run) < people {
				t.Errorf("the approved run is %s and counts %+v", run.Status, run.Counts)
			}
			w.agree("AAD")
		})
	}
}

func TestR16TheGuardQuarantinesAndThePlanIsApprovedOrRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	ids := []string{}
	for n := range 40 {
		id := "u" + string(rune('a'+n/10)) + string(rune('0'+n%10))
		ids = append(ids, id)
		source.user(id, id+"@example.com")
	}
	source.group("g1", "Staff", ids...)
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	before := w.directoryPicture("AAD")
	for _, id := range ids[:20] {
		source.remove(id, false)
	}
	run := w.synced("AAD", syncer.StartOptions{}, syncer.Quarantined)
	if diff := cmp.Diff(before, w.directoryPicture("AAD")); diff != "" {
		t.Fatalf("a quarantined run changed something:\n%s", diff)
	}
	if i, err := w.people.Instance(t.Context(), "AAD", ""); err != nil || i.State() != directory.StateQuarantined || i.StateReason() == nil {
		t.Errorf("the instance is %s: %v", i.State(), err)
	}
	if plan := w.plan(run); len(plan) != 20 || plan[0] != "DELETE AAD:ua0@example.com deleted at the source" {
		t.Errorf("the plan has %d lines and begins with %q", len(plan), plan[0])
	}
	if _, err := w.sync.Approve(t.Context(), run.UID, "another"); !directory.HasCode(err, directory.CodeConflict) {
		t.Errorf("approving another plan: %v", err)
	}
	// The source moves on: what was approved is not what would happen.
	source.remove(ids[20], false)
	_, err := w.sync.Approve(t.Context(), run.UID, *run.PlanHash)
	w.must(err)
	if run = w.wait(run.UID); run.Status != syncer.Quarantined || len(w.plan(run)) != 21 {
		t.Fatalf("after the source moved on the run is %s with %d lines", run.Status, len(w.plan(run)))
	}
	// A second run finds the same plan and leaves the first one waiting.
	if again := w.synced("AAD", syncer.StartOptions{}, syncer.Cancelled); again.Reason == nil || !strings.Contains(*again.Reason, "same plan") {
		t.Errorf("the second run: %v", again.Reason)
	}
	_, err = w.sync.Approve(t.Context(), run.UID, *run.PlanHash)
	w.must(err)
	if run = w.wait(run.UID); run.Status != syncer.Complete || run.Deleted != 21 {
		t.Fatalf("the approved run is %s and deleted %d", run.Status, run.Deleted)
	}
	w.agree("AAD")
	if i, err := w.people.Instance(t.Context(), "AAD", ""); err != nil || i.State() != directory.StateIdle {
		t.Errorf("the instance is %s: %v", i.State(), err)
	}

	for _, id := range ids[21:30] {
		source.remove(id, false)
	}
	run = w.synced("AAD", syncer.StartOptions{}, syncer.Quarantined)
	run, err = w.sync.Reject(t.Context(), run.UID)
	w.must(err)
	if run.Status != syncer.Cancelled {
		t.Errorf("the rejected run is %s", run.Status)
	}
	if _, err := w.sync.Approve(t.Context(), run.UID, *run.PlanHash); !directory.HasCode(err, directory.CodeConflict) {
		t.Errorf("approving a rejected plan: %v", err)
	}
	// The directory moves on: a waiting plan is stale at once.
	run = w.synced("AAD", syncer.StartOptions{}, syncer.Quarantined)
	source.put(directory.KindUser, ids[30], map[string]any{"displayName": "Changed"})
	w.set("AAD", "guard.maxDeletePercent", "100")
	w.set("AAD", "guard.maxUnlinkPercent", "100")
	later := w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if later.Deleted != 9 {
		t.Errorf("with a wider guard %d are deleted", later.Deleted)
	}
	if run = w.wait(run.UID); run.Status != syncer.Cancelled {
		t.Errorf("an overtaken run is %s", run.Status)
	}
	w.agree("AAD")
}

func TestR17FailuresPutTheNextRunOffAndASuccessLiftsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	_, err := w.sync.SetSchedule(t.Context(), "AAD", "", ptr(time.Hour))
	w.must(err)
	w.waitIdle("AAD")
	source.fail = func(int) error { return connector.Errorf(connector.Unavailable, "The source is down.") }
	var last time.Time
	for n := range 6 {
		w.synced("AAD", syncer.StartOptions{}, syncer.Failed) // by hand: not held back
		i, err := w.people.Instance(t.Context(), "AAD", "")
		w.must(err)
		if n > 0 && !i.NextRunAt.After(last) {
			t.Errorf("after failure %d the next run is not put off further", n+1)
		}
		last = *i.NextRunAt
	}
	i, err := w.people.Instance(t.Context(), "AAD", "")
	w.must(err)
	if i.State() != directory.StateQuarantined || !strings.Contains(*i.StateReason(), "The source is down.") || !strings.Contains(*i.StateReason(), "next attempt") {
		t.Errorf("the instance is %s: %v", i.State(), i.StateReason())
	}
	source.fail = nil
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if i, err = w.people.Instance(t.Context(), "AAD", ""); err != nil || i.State() != directory.StateIdle {
		t.Errorf("after a success the instance is %s: %v", i.State(), err)
	}
}

// waitIdle waits until no run of an instance is under way.
func (w *world) waitIdle(label string) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		i, err := w.people.Instance(w.t.Context(), label, "")
		w.must(err)
		if i.LastSyncedAt != nil && !i.Syncing {
			return
		}
	}
	w.t.Fatal("the instance does not come to rest")
}

func TestR18ADryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.user("u2", "ben@example.com")
	source.group("g1", "Staff", "u1")
	run := w.synced("AAD", syncer.StartOptions{DryRun: true}, syncer.Planned)
	if got := w.directoryPicture("AAD"); len(got) != 0 {
		t.Errorf("a dry run made %v", got)
	}
	if diff := cmp.Diff([]string{
		"CREATE AAD:Staff Staff", "CREATE AAD:ana@example.com User ana@example.com", "CREATE AAD:ben@example.com User ben@example.com",
		"LINK AAD:Staff AAD:ana@example.com",
	}, w.plan(run)); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	source.put(directory.KindUser, "u1", map[string]any{"displayName": "Ana", "userName": "ana.smith@example.com"})
	source.put(directory.KindUser, "u2", map[string]any{"title": "Chief", "active": false})
	source.unlink("g1", "u1")
	source.link("g1", "u2")
	run = w.synced("AAD", syncer.StartOptions{DryRun: true}, syncer.Planned)
	if diff := cmp.Diff([]string{
		"RENAME AAD:ana@example.com becomes ana.smith@example.com", "DISABLE AAD:ben@example.com active, status, title",
		"LINK AAD:Staff AAD:ben@example.com", "UNLINK AAD:Staff AAD:ana@example.com",
	}, w.plan(run)); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
	again := w.synced("AAD", syncer.StartOptions{DryRun: true}, syncer.Planned)
	if *again.PlanHash != *run.PlanHash {
		t.Error("one plan has two hashes")
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
}

func TestR19OneIdentityIsSyncedOnDemand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.group("g1", "Staff", "u1")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	source.user("u2", "ben@example.com")
	source.manage("u2", "u1")
	source.link("g1", "u2")
	source.unlink("g1", "u1")
	user, err := w.sync.SyncIdentity(t.Context(), "AAD", "", ptr("u2"), nil)
	w.must(err)
	if user.Base().FQN != "AAD:ben@example.com" {
		t.Errorf("the identity is %s", user.Base().FQN)
	}
	if _, err = w.sync.SyncIdentity(t.Context(), "AAD", "", nil, ptr("aad:staff")); err != nil {
		t.Fatal(err)
	}
	w.agree("AAD")
	for name, call := range map[string]func() error{
		"unknown": func() error { _, err := w.sync.SyncIdentity(t.Context(), "AAD", "", ptr("nobody"), nil); return err },
		"both": func() error {
			_, err := w.sync.SyncIdentity(t.Context(), "AAD", "", ptr("u1"), ptr("AAD:x"))
			return err
		},
		"foreign": func() error { _, err := w.sync.SyncIdentity(t.Context(), "AAD", "", nil, ptr("SITE:x")); return err },
	} {
		if err := call(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	w.synced("AAD", syncer.StartOptions{Mode: syncer.ModeFull}, syncer.Complete)
	w.agree("AAD")
}

func TestR20AFilterHoldsForWhoIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.put(directory.KindUser, "u1", map[string]any{"userName": "ana@example.com", "displayName": "Ana", "userType": "Member", "nickName": "A"})
	source.put(directory.KindUser, "u2", map[string]any{"userName": "guest@example.com", "displayName": "Guest", "userType": "Guest"})
	source.put(directory.KindUser, "u3", map[string]any{"userName": "boss@example.com", "displayName": "Boss", "userType": "Guest"})
	source.group("g1", "Staff", "u1", "u2", "u3")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	if _, err := w.people.SetRuntimeConfig(t.Context(), "AAD", "", "filter.users", "userType eq"); !directory.HasCode(err, directory.CodeBadInput) {
		t.Errorf("a broken filter: %v", err)
	}
	w.set("AAD", "filter.users", `userType eq "Member"`)
	w.set("AAD", "filter.allow", "aad:BOSS@example.com")
	w.must(w.people.ReevaluateAll(t.Context(), w.store, syncer.Reevaluate))
	status := func() []directory.IdentityStatus {
		out := []directory.IdentityStatus{}
		for _, name := range []string{"ana", "guest", "boss"} {
			out = append(out, w.byFQN("AAD:"+name+"@example.com").Base().Status)
		}
		return out
	}
	left := []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled, directory.StatusActive}
	if diff := cmp.Diff(left, status()); diff != "" {
		t.Errorf("with a filter (-want +got):\n%s", diff)
	}
	source.put(directory.KindUser, "u4", map[string]any{"userName": "late@example.com", "displayName": "Late", "userType": "Guest"})
	if run := w.synced("AAD", syncer.StartOptions{}, syncer.Complete); run.Mode != syncer.ModeFull || w.byFQN("AAD:late@example.com") != nil {
		t.Errorf("after a change of the filter the run is %s, and who is left out is there: %v", run.Mode, w.byFQN("AAD:late@example.com"))
	}
	if diff := cmp.Diff(left, status()); diff != "" {
		t.Errorf("after a run with a filter (-want +got):\n%s", diff)
	}
	w.set("AAD", "map.user.displayName", "nickName")
	_, err := w.people.DeleteRuntimeConfig(t.Context(), "AAD", "", "filter.users")
	w.must(err)
	w.must(w.people.ReevaluateAll(t.Context(), w.store, syncer.Reevaluate))
	if got := w.byFQN("AAD:ana@example.com").Base().DisplayName; got != "A" {
		t.Errorf("the mapped display name is %q", got)
	}
	_, err = w.people.DeleteRuntimeConfig(t.Context(), "AAD", "", "map.user.displayName")
	w.must(err)
	w.must(w.people.ReevaluateAll(t.Context(), w.store, syncer.Reevaluate))
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD") // links included: they were kept
}

func TestR20APolicyHoldsForWhoIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.group("g1", "Staff")
	source.group("g2", "Staff")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	merged := func() bool {
		i, err := w.people.Instance(t.Context(), "AAD", "")
		w.must(err)
		found, err := w.store.ByExternalIDs(t.Context(), i.ID, directory.KindGroup, []string{"g2"})
		w.must(err)
		return found[0].MergedInto != nil
	}
	for _, policy := range []directory.DuplicateNamePolicy{directory.Merge, directory.KeepSeparate} {
		_, err := w.people.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "AAD", DuplicateNames: &policy})
		w.must(err)
		if got := merged(); got != (policy == directory.Merge) {
			t.Errorf("with the policy %s the groups are merged: %v", policy, got)
		}
	}
}

func TestR21OneRunAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tenants["AAD"].user("u1", "ana@example.com")
	run, err := w.sync.Start(t.Context(), "AAD", "", syncer.StartOptions{Mode: syncer.ModeAuto})
	w.must(err)
	if _, err := w.sync.Start(t.Context(), "AAD", "", syncer.StartOptions{Mode: syncer.ModeAuto}); !directory.HasCode(err, directory.CodeConflict) {
		t.Errorf("a second run: %v", err)
	}
	cancelled, err := w.sync.Cancel(t.Context(), run.UID)
	w.must(err)
	if cancelled.Status != syncer.Cancelled {
		t.Errorf("the cancelled run is %s", cancelled.Status)
	}
	if _, err := w.sync.Cancel(t.Context(), run.UID); !directory.HasCode(err, directory.CodeConflict) {
		t.Errorf("cancelling it again: %v", err)
	}
	w.work()
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
}

func TestR22ADisabledInstanceIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	_, err := w.people.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "AAD", Enabled: ptr(false)})
	w.must(err)
	if _, err := w.sync.Start(t.Context(), "AAD", "", syncer.StartOptions{Mode: syncer.ModeAuto}); !directory.HasCode(err, directory.CodeConflict) {
		t.Errorf("starting a run of a disabled instance: %v", err)
	}
}

func TestR22ADisabledInstanceResolvesUnlessItSaysOtherwise(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.put(directory.KindUser, "u2", map[string]any{"userName": "off@example.com", "active": false})
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	enable := func(enabled bool) []directory.IdentityStatus {
		_, err := w.people.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "AAD", Enabled: &enabled})
		w.must(err)
		w.must(w.people.ReevaluateAll(t.Context(), w.store, syncer.Reevaluate))
		return []directory.IdentityStatus{w.byFQN("AAD:ana@example.com").Base().Status, w.byFQN("AAD:off@example.com").Base().Status}
	}
	as, off := []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled}, []directory.IdentityStatus{directory.StatusDisabled, directory.StatusDisabled}
	if diff := cmp.Diff(as, enable(false)); diff != "" {
		t.Errorf("disabled (-want +got):\n%s", diff)
	}
	enable(true)
	w.set("AAD", directory.KeepResolving, "false")
	for range 2 {
		if diff := cmp.Diff(off, enable(false)); diff != "" {
			t.Errorf("disabled, and it says so (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(as, enable(true)); diff != "" {
			t.Errorf("enabled again (-want +got):\n%s", diff)
		}
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
}

func TestR23SecretsReachTheConnectorAndNobodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("AAD", "test.secret", canary.Mark)
	i, err := w.people.Instance(t.Context(), "AAD", "")
	w.must(err)
	entries, err := w.people.Reader().RuntimeConfig(t.Context(), i)
	w.must(err)
	secrets := 0
	for _, entry := range entries {
		if !entry.Secret {
			continue
		}
		secrets++
		if entry.Value != nil || entry.UpdatedAt.IsZero() {
			t.Errorf("%s is read back as %v, set at %v", entry.Key, entry.Value, entry.UpdatedAt)
		}
	}
	w.work()
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	_, err = w.people.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "AAD", Enabled: ptr(false)})
	w.must(err)
	w.must(w.people.DeleteInstance(t.Context(), "AAD", ""))
	if left, err := w.store.SyncSecrets(t.Context(), i.ID); err != nil || len(left) > 0 {
		t.Errorf("%d secrets of a deleted instance are left: %v", len(left), err)
	}
	if got := w.secret.Load(); secrets != 1 || got == nil || *got != canary.Mark {
		t.Errorf("of %d secrets, the connector got %v", secrets, got)
	}
}

func TestAPanicFailsItsRunAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.user("u1", "ana@example.com")
	source.fail = func(int) error { panic("a bug") }
	if run := w.synced("AAD", syncer.StartOptions{}, syncer.Failed); run.Reason == nil || strings.Contains(*run.Reason, "bug") {
		t.Errorf("the reason is %v", run.Reason)
	}
	source.fail = nil
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
}

func TestSomebodyWhomOnlyAPartIsToldOfIsLookedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	source := w.tenants["AAD"]
	source.pageSize = 100
	members := []string{"late"}
	for n := range 300 {
		id := fmt.Sprintf("u%03d", n)
		source.user(id, id+"@example.com")
		members = append(members, id)
	}
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	source.partial = "g1"
	source.group("g1", "Staff", members...)
	source.group("g2", "Others", "later")
	w.synced("AAD", syncer.StartOptions{}, syncer.Complete)
	w.agree("AAD")
	source.user("late", "late@example.com")
	source.user("later", "later@example.com")
	if run := w.synced("AAD", syncer.StartOptions{}, syncer.Complete); run.Linked != 2 {
		t.Errorf("%d links were made to who came late, want 2", run.Linked)
	}
	w.agree("AAD")
}
