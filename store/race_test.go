package store_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// hr is a directory with one SCIM instance, and its rows.
type hr struct {
	*testing.T
	*directory.Directory
	instance *directory.Instance
	db       *sql.DB
}

func newHR(t *testing.T) hr {
	t.Helper()
	url := testpg.New(t)
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d := directory.New(s)
	if _, err := d.AddProvider(t.Context(), "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	i, err := d.AddInstance(t.Context(), "HR", "", true)
	if err != nil {
		t.Fatal(err)
	}
	return hr{t, d, i, openSQL(t, url)}
}

func (h hr) put(puts ...directory.Put) []*directory.Record {
	h.Helper()
	result, err := h.Apply(h.Context(), directory.Changes{Instance: h.instance, Put: puts})
	if err != nil {
		h.Fatal(err)
	}
	return result.Records
}

func (h hr) add(container uuid.UUID, members ...uuid.UUID) error {
	_, err := h.Apply(h.Context(), directory.Changes{Instance: h.instance, Members: []directory.MemberChange{{Container: container, Add: members}}})
	return err
}

func (h hr) count(query string, args ...any) (n int) {
	h.Helper()
	if err := h.db.QueryRow(query, args...).Scan(&n); err != nil {
		h.Fatal(err)
	}
	return n
}

func create(kind directory.IdentityKind, name string) directory.Put {
	return directory.Put{New: true, Kind: kind, Name: name}
}

// at runs do n times at once and returns the errors.
func at(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

func TestOfConcurrentCreatesOfOneUserNameExactlyOneWins(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	names := []string{"ana@example.com", "ANA@example.com", "Ana@Example.com"}
	won := 0
	for _, err := range at(16, func(i int) error {
		_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Put: []directory.Put{create(directory.KindUser, names[i%3])}})
		return err
	}) {
		switch {
		case err == nil:
			won++
		case !directory.HasReason(err, directory.ReasonUniqueness):
			t.Errorf("a loser got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d creates won, want 1", won)
	}
}

func TestOfConcurrentRolesOfOneNameExactlyOneWins(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	names := []string{"Approvers", "APPROVERS"}
	count := func(what string, errs []error) {
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !directory.HasCode(err, directory.CodeConflict):
				t.Errorf("%s: a loser got %v", what, err)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d won, want 1", what, won)
		}
	}
	count("create", at(16, func(i int) error {
		_, err := h.CreateRole(t.Context(), names[i%2], nil)
		return err
	}))
	for i := range 8 {
		if _, err := h.CreateRole(t.Context(), fmt.Sprint("role", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	buyers := "Buyers"
	count("rename", at(8, func(i int) error {
		_, err := h.UpdateRole(t.Context(), directory.RoleUpdate{Name: fmt.Sprint("role", i), NewName: &buyers})
		return err
	}))
}

func TestConcurrentGroupsOfOneNameAllGetNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	for i, err := range at(16, func(int) error {
		_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Put: []directory.Put{create(directory.KindGroup, "Sales")}})
		return err
	}) {
		if err != nil {
			t.Errorf("create %d: %v", i, err)
		}
	}
	if n := h.count(`SELECT count(DISTINCT fqn_key) FROM identity`); n != 16 {
		t.Errorf("%d names, want 16", n)
	}
	if n := h.count(`SELECT count(*) FROM identity WHERE fqn = 'HR:Sales'`); n != 1 {
		t.Errorf("%d groups hold the plain name, want 1", n)
	}
}

func TestConcurrentMemberChangesAreNeverLost(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	team := h.put(create(directory.KindGroup, "team"))[0]
	var puts []directory.Put
	for i := range 64 {
		puts = append(puts, create(directory.KindUser, fmt.Sprintf("u%d", i)))
	}
	users := h.put(puts...)
	for i, err := range at(64, func(i int) error { return h.add(team.UID, users[i].UID) }) {
		if err != nil {
			t.Errorf("add %d: %v", i, err)
		}
	}
	if n := h.count(`SELECT count(*) FROM link`); n != 64 {
		t.Errorf("%d members, want 64", n)
	}
	if n := h.count(`SELECT version FROM identity WHERE id = $1`, team.ID); n != 65 {
		t.Errorf("version %d, want 65: one for each change", n)
	}
}

// Groups that are put into each other from both sides at once wait for one another; every write gets through.
func TestWritesThatDeadlockAreTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	groups := h.put(create(directory.KindGroup, "a"), create(directory.KindGroup, "b"), create(directory.KindGroup, "c"))
	for i, err := range at(48, func(i int) error {
		others := []uuid.UUID{groups[(i+1)%3].UID, groups[(i+2)%3].UID}
		if i%2 == 0 {
			return h.add(groups[i%3].UID, others...)
		}
		_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Members: []directory.MemberChange{
			{Container: groups[i%3].UID, Add: others[:1], Remove: others[1:]},
		}})
		return err
	}) {
		if err != nil {
			t.Errorf("write %d: %v", i, err)
		}
	}
}

// However additions and deletions meet, no link is left at a tombstone.
func TestNoLinkOutlivesATombstone(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	for round := range 10 {
		r := h.put(create(directory.KindGroup, fmt.Sprint("team", round)), create(directory.KindUser, fmt.Sprint("ana", round)), create(directory.KindGroup, fmt.Sprint("inner", round)))
		at(12, func(i int) error {
			if i%4 == 0 {
				_, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Delete: []directory.Delete{{UID: r[rand.IntN(3)].UID}}})
				return err
			}
			return h.add(r[rand.IntN(2)*2].UID, r[1].UID, r[2].UID)
		})
	}
	if n := h.count(`SELECT count(*) FROM link l JOIN identity i ON i.id IN (l.container_id, l.member_id) WHERE i.status = 'DELETED'`); n != 0 {
		t.Errorf("%d links at tombstones", n)
	}
}

func TestAReplacedMemberListIsExact(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	r := h.put(create(directory.KindGroup, "team"), create(directory.KindUser, "a"), create(directory.KindUser, "b"), create(directory.KindUser, "c"))
	if err := h.add(r[0].UID, r[1].UID, r[2].UID); err != nil {
		t.Fatal(err)
	}
	stranger := uuid.New()
	result, err := h.Apply(t.Context(), directory.Changes{Instance: h.instance, Members: []directory.MemberChange{
		{Container: r[0].UID, Replace: true, Add: []uuid.UUID{r[2].UID, r[3].UID, stranger}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if result.Linked != 1 || result.Unlinked != 1 || len(result.Unknown) != 1 || result.Unknown[0] != stranger {
		t.Errorf("linked %d, unlinked %d, unknown %v", result.Linked, result.Unlinked, result.Unknown)
	}
	if n := h.count(`SELECT count(*) FROM link WHERE member_id IN ($1, $2)`, r[2].ID, r[3].ID); n != 2 {
		t.Errorf("%d of the listed are members", n)
	}
	_, err = h.Apply(t.Context(), directory.Changes{Instance: h.instance, RefuseUnknownMembers: true, Members: []directory.MemberChange{
		{Container: r[0].UID, Replace: true, Add: []uuid.UUID{stranger}},
	}})
	if !directory.HasCode(err, directory.CodeBadInput) {
		t.Errorf("an unknown member: %v", err)
	}
	if n := h.count(`SELECT count(*) FROM link`); n != 2 {
		t.Errorf("%d members after a refused change, want 2", n)
	}
}

func TestAChangeAtAStaleVersionIsRefused(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	r := h.put(create(directory.KindUser, "ana"), create(directory.KindGroup, "team"))
	put := directory.Put{UID: r[0].UID, Kind: directory.KindUser, Name: "ana", DisplayName: "Ana", IfVersion: 1}
	h.put(put)
	for name, c := range map[string]directory.Changes{
		"put":     {Put: []directory.Put{put}},
		"delete":  {Delete: []directory.Delete{{UID: r[0].UID, IfVersion: 1}}},
		"members": {Members: []directory.MemberChange{{Container: r[1].UID, IfVersion: 7, Add: []uuid.UUID{r[0].UID}}}},
	} {
		c.Instance = h.instance
		if _, err := h.Apply(t.Context(), c); !directory.HasReason(err, directory.ReasonStale) {
			t.Errorf("%s: %v, want stale", name, err)
		}
	}
	if n := h.count(`SELECT count(*) FROM link`); n != 0 {
		t.Errorf("%d links", n)
	}
}
