package directory_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
)

// Whatever was just committed, by whichever replica: every one shows users with the groups that they are in now, without
// being told to wait, as the store does.
func TestResourcesAreThoseOfTheStoreOnEveryReplica(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	all, inStore := replicas(t, 3, false)
	if _, err := all[0].AddProvider(ctx, "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	wanted := directory.LinkSet{Groups: true, Manager: true}
	asShown := cmp.Options{
		cmp.AllowUnexported(directory.Attributes{}), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(directory.Resource{}, "Snapshot"),
	}
	world := 0
	rapid.Check(t, func(rt *rapid.T) {
		world++
		hr, err := all[0].AddInstance(ctx, "HR", fmt.Sprint("w", world), true)
		if err != nil {
			t.Fatal(err)
		}
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
		c := directory.Changes{Instance: hr}
		for n := range 3 {
			c.Put = append(c.Put, group(fmt.Sprint("g", n)), user(fmt.Sprint("u", n)))
		}
		made, err := all[0].Apply(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		q := directory.ListQuery{
			Kinds: []directory.IdentityKind{directory.KindUser}, InstanceID: hr.ID, Status: directory.AnyLive,
			Order: directory.Order{Field: directory.OrderID}, Limit: 10,
		}
		for range rapid.IntRange(1, 4).Draw(rt, "writes") {
			change := randomChange(hr, made.Records, pick)
			if pick(4) == 0 {
				manager := made.Records[1].UID
				change.Managers = []directory.ManagerChange{{User: made.Records[3].UID, Manager: &manager}}
			}
			_, err := all[pick(len(all))].Apply(ctx, change)
			if err != nil && !directory.HasCode(err, directory.CodeNotFound) && !directory.HasCode(err, directory.CodeConflict) {
				t.Fatal(err)
			}
			want := must(inStore.Resources(ctx, q, wanted))
			for i, d := range all {
				got := must(d.Resources(ctx, q, wanted))
				if diff := cmp.Diff(want, got, asShown); diff != "" {
					rt.Fatalf("replica %d (-store, +replica):\n%s", i, diff)
				}
				for _, r := range want {
					one := must(d.Resource(ctx, q, r.UID.String(), wanted))
					if diff := cmp.Diff(r, one, asShown); diff != "" {
						rt.Fatalf("replica %d, %s alone (-store, +replica):\n%s", i, r.Name, diff)
					}
				}
			}
		}
	})
}
