package sharepoint_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	sim "github.com/roster-gateway/roster/internal/sim/sharepoint"
)

func key(site string, id int) string { return site + "/" + strconv.Itoa(id) }

func quoted(title string) string { return strconv.Quote(title) }

func TestARoundTellsTheWholeSite(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		w := start(t, seed)
		w.server.Site.Populate(w.server.Directory, int(seed)%70, int(seed)%13, seed)
		w.server.Adversary = sim.NewAdversary(seed)
		if _, err := w.read(connector.From{}); err != nil { // while the site changes
			t.Fatalf("seed %d: %v", seed, err)
		}
		w.server.Settle()
		pages, err := w.read(connector.From{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if diff := cmp.Diff(w.truth(), told(pages)); diff != "" {
			t.Fatalf("seed %d (-site +read):\n%s", seed, diff)
		}
		if end := pages[len(pages)-1].End; end == nil || end.State != nil {
			t.Fatalf("seed %d: the end is %v, want one without a state", seed, end)
		}
	}
}

func TestABrokenRoundGoesOnBehindTheLastPageThatWasKept(t *testing.T) {
	t.Parallel()
	errCrash := errors.New("crash")
	for seed := range uint64(20) {
		w := start(t, seed)
		w.server.Site.Populate(w.server.Directory, 60, 5, seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		kept, resume := []connector.Page{}, []byte(nil)
		for ended := false; !ended; {
			err := w.source.Read(t.Context(), connector.From{Resume: resume}, func(_ context.Context, p connector.Page) error {
				if rng.IntN(2) == 0 {
					return errCrash
				}
				kept, resume, ended = append(kept, p), p.Resume, p.End != nil
				return nil
			})
			if err != nil && err != errCrash {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if diff := cmp.Diff(w.truth(), told(kept)); diff != "" {
			t.Fatalf("seed %d (-site +kept):\n%s", seed, diff)
		}
		groups := 0
		for _, p := range kept {
			groups += len(p.Identities)
		}
		if groups != 60 {
			t.Errorf("seed %d: %d groups were kept, want each of the 60 once", seed, groups)
		}
	}
}

func TestAResumeOfAnotherSiteBeginsAnew(t *testing.T) {
	t.Parallel()
	w, other := start(t, 1), start(t, 2)
	other.server.Site.AddGroup("Owners", "")
	pages, err := other.read(connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	for _, resume := range [][]byte{pages[0].Resume, []byte("nonsense"), []byte(`{"v":9}`)} {
		if _, err := w.read(connector.From{Resume: resume}); connector.AsError(err) == nil || connector.AsError(err).Code != connector.StateExpired {
			t.Errorf("%s: %v", resume, err)
		}
	}
}

func TestGroupsOfMoreThanOneAnswerHolds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		about   sim.BigGroups
		members int
		partial bool
		read    int
	}{
		{"one less than an answer holds", sim.Refuse, 4999, false, 4999},
		{"beyond it, reached by filters", sim.Reach, 5003, false, 5003},
		{"beyond it, led on to by links", sim.Link, 5003, false, 5003},
		{"exactly one answer", sim.Reach, 5000, true, 5000},
		{"beyond it, where the others are told by nothing", sim.Cut, 5003, true, 5000},
		{"beyond it, where filters count for nothing", sim.Ignore, 5003, true, 5000},
		{"beyond it, where filters are refused", sim.Refuse, 5003, true, 5000},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := start(t, 1)
			w.server.BigGroups = test.about
			group := w.server.Site.AddGroup("Everybody here", "")
			for n := range test.members {
				w.server.Site.AddMember(group, sim.User, fmt.Sprintf("user%d@contoso.com", n))
			}
			pages, err := w.read(connector.From{})
			if err != nil {
				t.Fatal(err)
			}
			g := told(pages)[key(w.server.Site.State().ID, group)]
			if g == nil || g.Partial != test.partial || len(g.Links) != test.read {
				t.Fatalf("it was read as partial: %v, with %d links", g.Partial, len(g.Links))
			}
			warned := false
			for _, p := range pages {
				for _, f := range p.Failures {
					warned = warned || f.Code == directory.SourceError && f.Key == key(w.server.Site.State().ID, group)
				}
			}
			if warned != test.partial {
				t.Errorf("warned: %v", warned)
			}
		})
	}
}

func TestPagesAreBoundedAndGroupsWhole(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	for g := range 8 {
		group := w.server.Site.AddGroup(fmt.Sprint("Team ", g), "")
		for n := range 2000 {
			w.server.Site.AddMember(group, sim.User, fmt.Sprintf("user%d@contoso.com", g*1000+n))
		}
	}
	pages, err := w.read(connector.From{})
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) != 3 {
		t.Errorf("%d pages, want three", len(pages))
	}
	for i, p := range pages {
		if len(p.Links) != len(p.Identities)*2000 || len(p.Links) > 6000 {
			t.Errorf("page %d has %d links of %d groups", i, len(p.Links), len(p.Identities))
		}
	}
}
