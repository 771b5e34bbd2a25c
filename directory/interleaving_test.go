package directory_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/roster-gateway/roster/directory"
)

// change is a write transaction that a test holds open, with its revision.
type change struct {
	*fixture
	tx       *sqlx.Tx
	revision directory.Revision
}

// begin opens a transaction and has it draw its number.
func (f *fixture) begin() *change {
	f.Helper()
	tx, err := f.db.Beginx()
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = tx.Rollback() })
	c := &change{fixture: f, tx: tx}
	now, err := f.store.Snapshot(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	c.revision.Epoch = now.Epoch
	if err := tx.Get(&c.revision.XID, `SELECT pg_current_xact_id()::text`); err != nil {
		f.Fatal(err)
	}
	return c
}

// set writes or removes one membership as the store does: the container is locked before anything is logged.
func (c *change) set(container, member *directory.Record, linked bool) {
	c.Helper()
	link, kind := `INSERT INTO link (container_id, kind, member_id) VALUES ($1, 'member', $2)`, directory.MemberAdded
	if !linked {
		link, kind = `DELETE FROM link WHERE container_id = $1 AND kind = 'member' AND member_id = $2`, directory.MemberRemoved
	}
	if _, err := c.tx.Exec(`UPDATE identity SET version = version + 1 WHERE id = $1`, container.ID); err != nil {
		c.Fatal(err)
	}
	if _, err := c.tx.Exec(link, container.ID, member.ID); err != nil {
		c.Fatal(err)
	}
	if _, err := c.tx.Exec(`INSERT INTO change_log (kind, container_id, ids) VALUES ($1, $2, ARRAY[$3::bigint])`, kind, container.ID, member.ID); err != nil {
		c.Fatal(err)
	}
}

func (c *change) commit() {
	c.Helper()
	if err := c.tx.Commit(); err != nil {
		c.Fatal(err)
	}
}

// One link is added by a transaction with a late number and then removed by one with an early number, while a third,
// with the earliest of all, is still open. Whoever took changes up in the order of transactions would add the link
// last, and grant for ever what was withdrawn; whoever waited for the open one would go on granting it.
func TestChangesOfOneLinkComeInTheirOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	for round := range 5 { // a look of the applier in between would hide a wrong order
		r := f.put(hr, group(fmt.Sprint("team", round)), user(fmt.Sprint("ana", round)), user(fmt.Sprint("bo", round)), group(fmt.Sprint("late", round)))
		_, at := f.readFeed(nil)
		late, remove, add := f.begin(), f.begin(), f.begin()
		add.set(r[0], r[1], true)
		late.set(r[3], r[2], true)
		add.commit()
		remove.set(r[0], r[1], false)
		remove.commit()
		for _, c := range []*change{add, remove} {
			if err := f.Await(f.ctx, c.revision); err != nil {
				t.Fatal(err)
			}
		}
		wantEqual(t, "while one is open", f.members(r[0], directory.LinkArgs{}), []string{})
		got, at := f.readFeed(at)
		wantEqual(t, "its feed", got, []string{
			fmt.Sprintf("MEMBER_ADDED HR:ana%d in HR:team%d", round, round), fmt.Sprintf("MEMBER_REMOVED HR:ana%d in HR:team%d", round, round),
		})
		late.commit()
		if err := f.Await(f.ctx, late.revision); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "after the late commit", f.members(r[0], directory.LinkArgs{}), []string{})
		wantEqual(t, "what it wrote", f.members(r[3], directory.LinkArgs{}), []string{fmt.Sprint("HR:bo", round)})
		got, _ = f.readFeed(at)
		wantEqual(t, "its feed", got, []string{fmt.Sprintf("MEMBER_ADDED HR:bo%d in HR:late%d", round, round)})
	}
}

// Every way in which three transactions on one link can begin, write and commit ends on every replica as in the store.
func TestReplicasEndAsTheStoreHoweverThreeTransactionsMeet(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	n := 0
	for _, begins := range permutations {
		for _, writes := range permutations {
			n++
			r := f.put(hr, group(fmt.Sprint("team", n)), user(fmt.Sprint("ana", n)), user(fmt.Sprint("bo", n)))
			opened := make([]*change, 3)
			for _, i := range begins {
				opened[i] = f.begin()
			}
			// The link is added, removed and added again by different transactions, each after the other's commit; bo's
			// link comes and goes in between.
			for step, i := range writes {
				opened[i].set(r[0], r[1], step != 1)
				if step > 0 {
					opened[i].set(r[0], r[2], step == 1)
				}
				opened[i].commit()
				if step == 1 && n%2 == 0 { // half of the times the applier looks in the middle
					if err := f.Await(f.ctx, opened[i].revision); err != nil {
						t.Fatal(err)
					}
					wantEqual(t, "in the middle", f.members(r[0], directory.LinkArgs{}), []string{r[2].FQN})
				}
			}
			for _, c := range opened {
				if err := f.Await(f.ctx, c.revision); err != nil {
					t.Fatal(err)
				}
			}
			got := f.members(r[0], directory.LinkArgs{})
			if !slices.Equal(got, []string{r[1].FQN}) {
				t.Errorf("begun in the order %v, written in the order %v: %v, want ana alone", begins, writes, got)
			}
		}
	}
}

var permutations = [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
