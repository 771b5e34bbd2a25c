package directory_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/store"
)

// blindStore is a store whose changes cannot be read at times, while all else can.
type blindStore struct {
	*store.Store
	blind atomic.Bool
	looks atomic.Int64
}

func (s *blindStore) GraphChanges(ctx context.Context, since directory.Revision) (directory.GraphDelta, error) {
	s.looks.Add(1)
	if s.blind.Load() {
		return directory.GraphDelta{}, errors.New("not now")
	}
	return s.Store.GraphChanges(ctx, since)
}

// A write that has happened is acknowledged, also where the replica cannot take it up in time. From then on the replica
// answers from no state without it, however young that is.
func TestSafetyR1AnAcknowledgedWriteIsNeverMissing(t *testing.T) {
	t.Parallel()
	f := newStoreFixture(t)
	s := &blindStore{Store: f.store}
	if err := f.HoldInMemory(f.ctx, s, 0); err != nil {
		t.Fatal(err)
	}
	hr := f.instance("HR", directory.TypeSCIM, "")
	r := f.put(hr, group("team"), user("ana"))

	s.blind.Store(true)
	before := s.looks.Load()
	ctx, cancel := context.WithTimeout(f.ctx, 300*time.Millisecond)
	defer cancel()
	if _, err := f.Apply(ctx, directory.Changes{Instance: hr, Members: []directory.MemberChange{{Container: r[0].UID, Add: uids(r[1:])}}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"HR:ana", "HR:team"}
	containers, err := f.Reader().Principals(f.ctx, "HR:ana") // a look that was under way may have brought it
	if !directory.HasCode(err, directory.CodeUnavailable) && (err != nil || !cmp.Equal(containers, want)) {
		t.Errorf("it answers %v, %v", containers, err)
	}
	if looks := s.looks.Load() - before; looks > 30 {
		t.Errorf("a store that cannot be read was asked %d times in 300 ms", looks)
	}

	s.blind.Store(false)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		containers, err := f.Reader().Principals(f.ctx, "HR:ana")
		if err == nil {
			if !cmp.Equal(containers, want) {
				t.Errorf("it answers %q", containers)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
