package store_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// A write that was done, and of which a connection that broke did not tell, is done again: it is there already under the
// same id. Whoever asked is told to look, and not that something went wrong on our side.
func TestSafetyR3AWriteThatWasDoneAlready(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), store.Config{URL: testpg.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	people := directory.New(s)
	if _, err := people.AddProvider(t.Context(), "HR", directory.TypeSCIM, true); err != nil {
		t.Fatal(err)
	}
	hr, err := people.AddInstance(t.Context(), "HR", "", true)
	if err != nil {
		t.Fatal(err)
	}
	record, err := directory.NewRecord(hr, directory.Put{UID: uuid.New(), Kind: directory.KindUser, Name: "ana"})
	if err != nil {
		t.Fatal(err)
	}
	batch := directory.Batch{Within: hr.ID, Inserts: []directory.Insert{{Record: record, FQNs: []string{record.FQN, record.FQN + " [1]"}}}}
	if _, err := s.Commit(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), batch); !directory.HasCode(err, directory.CodeUnavailable) {
		t.Errorf("the second time it is %v", err)
	}
}
