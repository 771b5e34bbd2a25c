package directory_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
)

// distinguished is an FQN with the mark that tells it from an equal one.
func distinguished(fqn, seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return fqn + " [" + hex.EncodeToString(sum[:])[:8] + "]"
}

func wantEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// A provider whose source does not exist answers every read from the store.
func TestR01ReadsAreAnsweredFromTheStore(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	ad := f.instance("CORP", directory.TypeActiveDirectory, "NOWHERE.invalid")
	f.put(ad, keyed(user("ana"), "1"))
	before := f.store.Statements()
	if r := f.byFQN(`CORP:NOWHERE.invalid\ana`); r == nil {
		t.Fatal("unknown")
	}
	if n := f.store.Statements() - before; n != 1 {
		t.Errorf("a look-up ran %d statements, want 1", n)
	}
}

func TestR02UnknownDisabledAndDeletedAreToldApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	people := f.put(hr, user("active"), user("disabled"), user("deleted"), group("team"))
	f.link(hr, people[3], people[:3]...)
	f.setStatus(hr, people[1], directory.StatusDisabled)
	f.delete(hr, people[2])

	fqns := []string{"HR:active", "HR:disabled", "HR:deleted", "HR:unknown", "", "\x00", "\xff"}
	resolution, err := f.Reader().Resolve(f.ctx, fqns)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]directory.ResolutionStatus{}
	for _, r := range resolution.Results {
		got[r.FQN] = r.Status
	}
	wantEqual(t, "statuses", got, map[string]directory.ResolutionStatus{
		"HR:active": directory.Resolved, "HR:disabled": directory.ResolutionDisabled, "HR:deleted": directory.ResolutionDeleted,
		"HR:unknown": directory.ResolutionUnknown, "": directory.ResolutionUnknown, "\x00": directory.ResolutionUnknown, "\xff": directory.ResolutionUnknown,
	})
	for _, fqn := range fqns[1:] {
		if f.check(fqn, "HR:team").IsMember {
			t.Errorf("%q is a member", fqn)
		}
		principals, err := f.Reader().Principals(f.ctx, fqn)
		if err != nil || len(principals) != 0 {
			t.Errorf("principals(%q) = %v, %v", fqn, principals, err)
		}
	}
	if !f.check("HR:active", "HR:team").IsMember {
		t.Error("the active member is none")
	}
}

// No column or job ends an entry by its age: one that was last written long ago answers as before.
func TestR03EntriesDoNotExpireByTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, user("ana"), group("team"))
	f.link(hr, r[1], r[0])
	if _, err := f.db.Exec(`UPDATE identity SET created_at = '2001-01-01', updated_at = '2001-01-01', synced_at = '2001-01-01'`); err != nil {
		t.Fatal(err)
	}
	if !f.check("HR:ana", "HR:team").IsMember {
		t.Error("an old entry no longer counts")
	}
}

func TestR04DisabledKeepsLinksAndDeletedLosesThem(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, user("ana"), group("inner"), group("outer"))
	ana, inner, outer := r[0], r[1], r[2]
	f.link(hr, inner, ana)
	f.link(hr, outer, inner)

	t.Run("a disabled member", func(t *testing.T) {
		f.setStatus(hr, ana, directory.StatusDisabled)
		wantEqual(t, "active members", f.members(inner, directory.LinkArgs{}), []string{})
		asked := directory.LinkArgs{Status: []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled}}
		wantEqual(t, "members of any live status", f.members(inner, asked), []string{"HR:ana"})
		disabled := directory.LinkArgs{Scope: directory.ScopeEffective, Status: []directory.IdentityStatus{directory.StatusDisabled}}
		wantEqual(t, "disabled members", f.members(outer, disabled), []string{"HR:ana"})
		wantEqual(t, "the containers that she keeps", f.memberOf(ana, effective), []string{"HR:inner", "HR:outer"})
		if f.check("HR:ana", "HR:outer").IsMember {
			t.Error("a disabled member has a right")
		}
		f.setStatus(hr, ana, directory.StatusActive)
		wantEqual(t, "members regained", f.members(outer, effective), []string{"HR:ana", "HR:inner"})
	})
	t.Run("a disabled container passes nothing on", func(t *testing.T) {
		f.setStatus(hr, inner, directory.StatusDisabled)
		wantEqual(t, "outer", f.members(outer, effective), []string{})
		if f.check("HR:ana", "HR:outer").IsMember {
			t.Error("a right passed through a disabled group")
		}
		f.setStatus(hr, inner, directory.StatusActive)
		if !f.check("HR:ana", "HR:outer").IsMember {
			t.Error("the right did not come back")
		}
	})
	t.Run("a deleted member is linked to nothing for good", func(t *testing.T) {
		f.delete(hr, ana)
		var links int
		if err := f.db.Get(&links, `SELECT count(*) FROM link WHERE member_id = $1`, ana.ID); err != nil || links != 0 {
			t.Errorf("links = %d, %v", links, err)
		}
		again := f.put(hr, user("ana"))[0]
		if again.UID == ana.UID {
			t.Error("the tombstone came back to life")
		}
		wantEqual(t, "members", f.members(inner, directory.LinkArgs{}), []string{})
		var removed int
		if err := f.db.Get(&removed, `SELECT count(*) FROM change_log WHERE kind = 'MEMBER_REMOVED' AND $1 = ANY(ids)`, ana.ID); err != nil || removed != 1 {
			t.Errorf("the history names %d removals, %v; want 1", removed, err)
		}
	})
}

func TestR05CyclesEndAndEachIdentityCountsOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, user("ana"), user("bo"), group("a"), group("b"), group("c"))
	ana, bo, a, b, c := r[0], r[1], r[2], r[3], r[4]
	f.link(hr, a, ana, b, c) // a diamond: ana is in a, b and c
	f.link(hr, b, ana, bo)
	f.link(hr, c, ana, a) // and a cycle: a > c > a

	wantEqual(t, "effective members of a", f.members(a, effective), []string{"HR:ana", "HR:bo", "HR:a", "HR:b", "HR:c"})
	users := effective
	users.Kind = directory.KindUser
	wantEqual(t, "users of c", f.members(c, users), []string{"HR:ana", "HR:bo"})
	wantEqual(t, "containers of bo", f.memberOf(bo, effective), []string{"HR:a", "HR:b", "HR:c"})
	if n, err := f.Reader().MemberCount(f.ctx, c, users); err != nil || n != 2 {
		t.Errorf("count = %d, %v; want 2", n, err)
	}
	principals, err := f.Reader().Principals(f.ctx, "HR:a")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "principals of a", principals, []string{"HR:a", "HR:c"})
}

func TestR06TheKeyIsInstanceAndExternalID(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one, two := f.instance("CORP", directory.TypeActiveDirectory, "ONE"), f.instance("CORP", directory.TypeActiveDirectory, "TWO")
	first := f.put(one, keyed(user("ana"), "guid-1"))[0]
	renamed := f.put(one, keyed(user("anna"), "guid-1"))[0]
	other := f.put(two, keyed(user("ana"), "guid-1"))[0]
	if renamed.UID != first.UID {
		t.Error("one external id became two identities")
	}
	if other.UID == first.UID {
		t.Error("two instances share an identity")
	}
	_, err := f.Apply(f.ctx, directory.Changes{Instance: one, Put: []directory.Put{{
		Kind: directory.KindUser, New: true, Name: "eve", ExternalID: first.ExternalID,
	}}})
	if !directory.HasReason(err, directory.ReasonUniqueness) {
		t.Errorf("a second identity with a taken external id: %v", err)
	}
}

func TestR07GroupsOfOneName(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	t.Run("KEEP_SEPARATE keeps both and lists the pair", func(t *testing.T) {
		aad := f.instance("AAD", directory.TypeAzureAD, "")
		// In one run the lowest external id keeps the plain name.
		r := f.put(aad, keyed(group("Sales"), "g2"), keyed(group("Sales"), "g1"))
		wantEqual(t, "names", []string{r[0].FQN, r[1].FQN}, []string{distinguished("AAD:Sales", "g2"), "AAD:Sales"})
		wantEqual(t, "conflicts", f.conflicts(), []string{"DUPLICATE_NAME " + "AAD:Sales " + distinguished("AAD:Sales", "g2")})
		// The plain holder goes; nobody is promoted.
		f.delete(aad, r[1])
		if got := f.byFQN(distinguished("AAD:Sales", "g2")); got == nil || got.UID != r[0].UID {
			t.Errorf("the second group lost its name: %v", got)
		}
		if got := f.byFQN("AAD:Sales"); got == nil || got.Status != directory.StatusDeleted {
			t.Errorf("AAD:Sales = %v, want the tombstone", got)
		}
		wantEqual(t, "conflicts after", f.conflicts(), []string{})
	})
	t.Run("MERGE nests the newcomer in the survivor, and a rename takes it out", func(t *testing.T) {
		corp := f.policies(f.instance("CORP", directory.TypeActiveDirectory, "X"), directory.Merge, directory.Follow)
		r := f.put(corp, keyed(group("Sales"), "1"), keyed(group("Sales"), "2"), keyed(user("ana"), "u1"), keyed(user("bo"), "u2"))
		survivor, newcomer, ana, bo := r[0], r[1], r[2], r[3]
		f.link(corp, survivor, ana)
		f.link(corp, newcomer, bo)
		if newcomer.MergedInto == nil || *newcomer.MergedInto != survivor.ID {
			t.Fatalf("MergedInto = %v, want %d", newcomer.MergedInto, survivor.ID)
		}
		users := directory.LinkArgs{Scope: directory.ScopeEffective, Kind: directory.KindUser}
		wantEqual(t, "merged", f.members(survivor, users), []string{`CORP:X\ana`, `CORP:X\bo`})
		wantEqual(t, "the newcomer keeps its own links", f.members(newcomer, directory.LinkArgs{}), []string{`CORP:X\bo`})
		if !f.check(`CORP:X\bo`, `CORP:X\Sales`).IsMember {
			t.Error("a member of the newcomer is none of the survivor's")
		}
		renamed := f.put(corp, keyed(group("Marketing"), "2"))[0]
		if renamed.MergedInto != nil {
			t.Errorf("still merged after a rename: %v", *renamed.MergedInto)
		}
		wantEqual(t, "un-merged", f.members(survivor, users), []string{`CORP:X\ana`})
		again := f.put(corp, keyed(group("Sales"), "2"))[0]
		if again.MergedInto == nil {
			t.Fatal("not merged again under the survivor's name")
		}
		f.put(corp, keyed(group("Vendas"), "1"))
		wantEqual(t, "un-merged by the survivor's rename", f.members(survivor, users), []string{`CORP:X\ana`})
	})
	t.Run("not for SCIM instances", func(t *testing.T) {
		f.instance("PUSH", directory.TypeSCIM, "")
		merge := directory.Merge
		_, err := f.UpdateInstance(f.ctx, directory.InstanceUpdate{Provider: "PUSH", DuplicateNames: &merge})
		if !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("MERGE on a SCIM instance: %v", err)
		}
	})
}

func TestR08ARenamedGroup(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	t.Run("FOLLOW keeps the old name as an alias", func(t *testing.T) {
		aad := f.instance("AAD", directory.TypeAzureAD, "")
		old := f.put(aad, keyed(group("Sales"), "g"))[0]
		now := f.put(aad, keyed(group("Vendas"), "g"))[0]
		if now.UID != old.UID || now.FQN != "AAD:Vendas" {
			t.Fatalf("renamed to %s %s", now.FQN, now.UID)
		}
		if got := f.byFQN("aad:SALES"); got == nil || got.UID != old.UID {
			t.Errorf("the old name resolves to %v", got)
		}
		aliases, err := f.Reader().Aliases(f.ctx, now)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "aliases", aliases, []string{"AAD:Sales"})

		taker := f.put(aad, keyed(group("Sales"), "h"))[0]
		if got := f.byFQN("AAD:Sales"); got.UID != taker.UID {
			t.Error("an alias went before a live name")
		}
		wantEqual(t, "conflicts", f.conflicts(), []string{"NAME_TAKEN_FROM_ALIAS AAD:Vendas AAD:Sales"})
		back := f.put(aad, keyed(group("Verkauf"), "h"), keyed(group("Sales"), "g"))
		wantEqual(t, "a name handed over in one run", []string{back[0].FQN, back[1].FQN}, []string{"AAD:Verkauf", "AAD:Sales"})
	})
	t.Run("DISABLE_OLD leaves a disabled placeholder with the old name", func(t *testing.T) {
		corp := f.policies(f.instance("CORP", directory.TypeActiveDirectory, "X"), directory.KeepSeparate, directory.DisableOld)
		r := f.put(corp, keyed(group("Sales"), "g"), keyed(user("ana"), "u"))
		f.link(corp, r[0], r[1])
		now := f.put(corp, keyed(group("Vendas"), "g"))[0]
		if now.UID != r[0].UID {
			t.Error("the renamed row lost its id")
		}
		wantEqual(t, "links stay with the row", f.members(now, directory.LinkArgs{}), []string{`CORP:X\ana`})
		old := f.byFQN(`CORP:X\Sales`)
		if old == nil || old.UID == now.UID || old.Status != directory.StatusDisabled || !strings.Contains(*old.StatusReason, "Vendas") {
			t.Fatalf("placeholder = %+v", old)
		}
		wantEqual(t, "the placeholder has no links", f.members(old, directory.LinkArgs{Status: []directory.IdentityStatus{directory.StatusActive, directory.StatusDisabled}}), []string{})
	})
}

func TestR09AUserWhoseNameChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	corp := f.policies(f.instance("CORP", directory.TypeActiveDirectory, "X"), directory.KeepSeparate, directory.DisableOld)
	old := f.put(corp, keyed(user("ana@old"), "u"))[0]
	now := f.put(corp, keyed(user("ana@new"), "u"))[0]
	if now.UID != old.UID {
		t.Error("a second person")
	}
	if got := f.byFQN(`CORP:X\ana@old`); got == nil || got.UID != old.UID {
		t.Errorf("the old name resolves to %v, want the same person, whatever the policy for groups", got)
	}
	var people int
	if err := f.db.Get(&people, `SELECT count(*) FROM identity WHERE kind = 'USER'`); err != nil || people != 1 {
		t.Errorf("%d people, %v", people, err)
	}

	t.Run("a name is required and unique; the others go on", func(t *testing.T) {
		result := f.apply(directory.Changes{Instance: corp, Partial: true, Put: []directory.Put{
			keyed(user(""), "1"), keyed(user("ANA@new"), "2"), keyed(user("bo"), "3"), keyed(user("Bo"), "4"),
		}})
		failed := map[int]directory.Code{}
		for _, failure := range result.Failures {
			failed[failure.Index] = failure.Err.Code
		}
		wantEqual(t, "failures", failed, map[int]directory.Code{0: directory.CodeBadInput, 1: directory.CodeConflict, 3: directory.CodeConflict})
		if result.Records[2] == nil || result.Records[2].Name != "bo" || f.byFQN(`CORP:X\bo`) == nil {
			t.Error("the good row did not go on")
		}
	})
	t.Run("two users swap names in one run", func(t *testing.T) {
		pair := f.put(corp, keyed(user("left"), "l"), keyed(user("right"), "r"))
		swapped := f.put(corp, keyed(user("right"), "l"), keyed(user("left"), "r"))
		wantEqual(t, "names", []string{swapped[0].FQN, swapped[1].FQN}, []string{`CORP:X\right`, `CORP:X\left`})
		if pair[0].UID != swapped[0].UID {
			t.Error("the swap changed ids")
		}
	})
}

func TestR10EveryEdgeIsStoredAndReadersChoose(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, user("ana"), group("inner"), group("outer"))
	f.link(hr, r[1], r[0])
	f.link(hr, r[2], r[1], r[0])
	wantEqual(t, "direct", f.members(r[2], directory.LinkArgs{}), []string{"HR:ana", "HR:inner"})
	page, err := f.Reader().Members(r[2], directory.LinkArgs{PageArgs: directory.PageArgs{First: 10}, Scope: directory.ScopeEffective})
	if err != nil {
		t.Fatal(err)
	}
	edges, err := page.Edges(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	direct := map[string]bool{}
	for _, e := range edges {
		direct[e.Node.Base().FQN] = e.IsDirect
	}
	wantEqual(t, "isDirect", direct, map[string]bool{"HR:ana": true, "HR:inner": true})
	wantEqual(t, "the path is the shortest", f.check("HR:ana", "HR:outer").IsMember, true)
}
