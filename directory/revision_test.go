package directory_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
)

// A server that was started anew gives numbers of transactions away that it gave away before. A replica that has not
// found out yet waits, instead of taking the number for one that it has seen.
func TestSafetyR1ARevisionOfALaterStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.apply(directory.Changes{Instance: f.instance("HR", directory.TypeSCIM, ""), Put: []directory.Put{user("ana")}})
	if made.Revision.Started.IsZero() {
		t.Fatal("the revision does not say of which start it is")
	}
	read, err := directory.ParseRevision(made.Revision.String())
	if d := cmp.Diff(made.Revision, read); err != nil || d != "" {
		t.Fatal(err, d)
	}
	for name, test := range map[string]struct {
		started time.Time
		waits   bool
	}{
		"this start":      {started: read.Started},
		"an earlier one":  {started: read.Started.Add(-time.Hour)},
		"it is not known": {},
		"a later one":     {started: read.Started.Add(time.Second), waits: true},
	} {
		ctx, cancel := context.WithTimeout(f.ctx, 200*time.Millisecond)
		read.Started = test.started
		err := f.Await(ctx, read)
		cancel()
		if waits := directory.HasCode(err, directory.CodeUnavailable); waits != test.waits {
			t.Errorf("%s: %v", name, err)
		}
	}
}
