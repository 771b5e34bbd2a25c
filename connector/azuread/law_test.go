package azuread

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/sim/graph"
)

// TestTheNetStateIsTheTenant: whatever the adversary does, and wherever rounds are broken off, who takes the pages as they
// come knows the tenant once that stays as it is. ROSTER_SIM_SEED runs one seed again.
func TestTheNetStateIsTheTenant(t *testing.T) {
	t.Parallel()
	if text := os.Getenv("ROSTER_SIM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		reachesTenant(t, seed)
		return
	}
	for seed := range uint64(60) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			reachesTenant(t, seed)
		})
	}
}

func reachesTenant(t *testing.T, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	tenant := graph.NewTenant(seed)
	tenant.Populate(rng.IntN(60), rng.IntN(15), seed)
	tenant.Mutate(rng, rng.IntN(100))
	server, err := graph.Start(graph.Config{Tenant: tenant, Adversary: graph.NewAdversary(seed), PageSize: 1 + rng.IntN(30), LinksPerPage: 1 + rng.IntN(40)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	w := &walker{t: t, server: server, rng: rng, known: map[object]map[string]any{}, life: map[object]connector.Removal{}, links: map[connector.Link]bool{}}
	for range rng.IntN(4) {
		if err := w.round(t.Context()); err != nil {
			t.Fatalf("ROSTER_SIM_SEED=%d: %v", seed, err)
		}
		tenant.Mutate(rng, rng.IntN(60))
	}
	server.Adversary.Settle()
	for range 2 { // a round that began before the last change may miss it; the next one may not
		if err := w.round(t.Context()); err != nil {
			t.Fatalf("ROSTER_SIM_SEED=%d: %v", seed, err)
		}
	}
	if diff := cmp.Diff(truth(tenant.State()), w.net()); diff != "" {
		t.Fatalf("ROSTER_SIM_SEED=%d (-tenant +net):\n%s", seed, diff)
	}
}

// openTenant opens a simulated tenant, and waits for nothing there.
func openTenant(server *graph.Server) (*source, error) {
	s, err := patient().Open(connector.Config{AllowPrivate: true, Values: configOf(server)})
	if err != nil {
		return nil, err
	}
	return s.(*source), nil
}

type object struct {
	kind directory.IdentityKind
	key  string
}

// walker is the plainest keeper of pages: it takes them as they come, sweeps after a full round, and loses the run now and
// then.
type walker struct {
	t      *testing.T
	server *graph.Server
	rng    *rand.Rand
	state  []byte
	known  map[object]map[string]any
	life   map[object]connector.Removal
	links  map[connector.Link]bool // with Removed false
}

var errLost = errors.New("the run is lost")

// round reads a round, and again from where it was where it is lost or has expired.
func (w *walker) round(ctx context.Context) error {
	from := connector.From{State: w.state}
	told := map[any]bool{}
	for {
		source, err := openTenant(w.server)
		if err != nil {
			return err
		}
		ended := false
		err = source.Read(ctx, from, func(_ context.Context, page connector.Page) error {
			if w.rng.IntN(10) == 0 {
				return errLost
			}
			w.take(page, from.State == nil, told)
			from.Resume = page.Resume
			if ended = page.End != nil; ended {
				w.state = page.End.State
			}
			return nil
		})
		known := connector.AsError(err)
		switch {
		case errors.Is(err, errLost):
		case known != nil && known.Code == connector.StateExpired:
			from, told = connector.From{}, map[any]bool{}
		case err != nil:
			return err
		case !ended:
			return errors.New("the round has no end")
		default:
			if from.State == nil {
				w.sweep(told)
			}
			return nil
		}
	}
}

func (w *walker) take(page connector.Page, full bool, told map[any]bool) {
	for _, id := range page.Identities {
		o := object{id.Kind, id.Key}
		if id.Removal != connector.Present {
			w.life[o] = id.Removal
			continue
		}
		delete(w.life, o)
		if w.known[o] == nil || full && !told[o] {
			w.known[o] = map[string]any{}
		}
		told[o] = true
		patch(w.known[o], id.Attributes)
	}
	for _, link := range page.Links {
		removed := link.Removed
		link.Removed = false
		if delete(w.links, link); !removed {
			w.links[link] = true
		}
		told[link] = !removed
	}
}

// patch merges as RFC 7396 does.
func patch(into, by map[string]any) {
	for name, value := range by {
		inner, isObject := value.(map[string]any)
		switch {
		case value == nil:
			delete(into, name)
		case isObject:
			before, _ := into[name].(map[string]any)
			if before = maps.Clone(before); before == nil {
				before = map[string]any{}
			}
			if patch(before, inner); len(before) > 0 {
				into[name] = before
			} else {
				delete(into, name)
			}
		default:
			into[name] = value
		}
	}
}

// sweep drops what a full round has not told.
func (w *walker) sweep(told map[any]bool) {
	for o := range w.known {
		if !told[o] && w.life[o] == connector.Present {
			w.life[o] = connector.Gone
		}
	}
	for link := range w.links {
		if owner := (object{link.OwnerKind, link.OwnerKey}); !told[link] && w.life[owner] == connector.Present {
			delete(w.links, link)
		}
	}
}

// person is one that is there, with the keys of the managers or members that are.
type person struct {
	Attributes map[string]any
	Others     []string
}

func (w *walker) net() map[object]person {
	out := map[object]person{}
	for o, attributes := range w.known {
		if w.life[o] == connector.Present {
			out[o] = person{Attributes: attributes}
		}
	}
	for link := range w.links {
		owner, other := object{link.OwnerKind, link.OwnerKey}, object{link.Other.Kind, link.Other.Key}
		p, ok := out[owner]
		if _, there := out[other]; ok && there {
			p.Others = append(p.Others, other.key)
			slices.Sort(p.Others)
			out[owner] = p
		}
	}
	return out
}

// truth is the tenant in the same form: without the deleted.
func truth(s graph.State) map[object]person {
	out := map[object]person{}
	there := func(key string) bool {
		o, ok := s.Users[key]
		if !ok {
			o, ok = s.Groups[key]
		}
		return ok && o.Status != graph.SoftDeleted
	}
	for kind, all := range map[directory.IdentityKind]map[string]graph.Object{directory.KindUser: s.Users, directory.KindGroup: s.Groups} {
		for key, o := range all {
			if !there(key) {
				continue
			}
			p := person{Attributes: inSCIM(kind, o.Attributes)}
			for _, other := range append(slices.Clone(o.Members), o.Manager) {
				if there(other) {
					p.Others = append(p.Others, other)
				}
			}
			slices.Sort(p.Others)
			out[object{kind, key}] = p
		}
	}
	return out
}

// inSCIM names the attributes of Graph as SCIM does.
func inSCIM(kind directory.IdentityKind, attributes map[string]any) map[string]any {
	out := map[string]any{}
	name := map[string]any{}
	for property, value := range attributes {
		switch {
		case property == "visibility":
		case property == "mail":
			out["emails"] = []any{map[string]any{"value": value, "type": "work", "primary": true}}
		case property == "givenName":
			name["givenName"] = value
		case property == "surname":
			name["familyName"] = value
		case property == "userPrincipalName" && kind == directory.KindUser:
			out["userName"] = value
		case property == "accountEnabled":
			out["active"] = value
		default:
			out[property] = value
		}
	}
	if len(name) > 0 {
		out["name"] = name
	}
	return out
}

func TestLookupInTheTenant(t *testing.T) {
	t.Parallel()
	tenant := graph.NewTenant(7)
	tenant.Populate(40, 10, 7)
	server, err := graph.Start(graph.Config{Tenant: tenant, PageSize: 3, LinksPerPage: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	source, err := openTenant(server)
	if err != nil {
		t.Fatal(err)
	}
	for o, want := range truth(tenant.State()) {
		page, err := source.Lookup(t.Context(), o.kind, o.key, "")
		if err != nil || page == nil {
			t.Fatalf("%v: %v, %v", o, page, err)
		}
		got := person{Attributes: map[string]any{}}
		patch(got.Attributes, page.Identities[0].Attributes)
		for _, link := range page.Links {
			got.Others = append(got.Others, link.Other.Key)
		}
		slices.Sort(got.Others)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", o, diff)
		}
		if name, ok := want.Attributes["userName"].(string); ok {
			if page, err := source.Lookup(t.Context(), o.kind, "", name); err != nil || page == nil || page.Identities[0].Key != o.key {
				t.Errorf("%s: %v, %v", name, page, err)
			}
		}
	}
	source.Check(t.Context(), func(c connector.Check) {
		if !c.OK {
			t.Errorf("%+v", c)
		}
	})
}
