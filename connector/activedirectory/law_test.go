package activedirectory

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
	sim "github.com/roster-gateway/roster/internal/sim/ldap"
)

// TestTheNetStateIsTheDomain: whatever the adversary does, and wherever rounds are broken off, who takes the pages as they come
// knows the domain once that stays as it is. ROSTER_SIM_SEED runs one seed again.
func TestTheNetStateIsTheDomain(t *testing.T) {
	t.Parallel()
	if text := os.Getenv("ROSTER_SIM_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		reachesDomain(t, seed)
		return
	}
	for seed := range uint64(20) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			reachesDomain(t, seed)
		})
	}
}

// drawnServer makes a domain of a seed, and a server of it that is as unpleasant.
func drawnServer(t *testing.T, seed uint64, rng *rand.Rand) *sim.Server {
	t.Helper()
	domain := sim.NewDomain(seed)
	domain.Populate(rng.IntN(60), rng.IntN(15), seed)
	domain.Mutate(rng, rng.IntN(100))
	server, err := sim.Start(sim.Config{
		Domain: domain, Adversary: sim.NewAdversary(seed), StartTLS: seed%3 == 0, NoReplication: seed%5 == 0,
		PageSize: 1 + rng.IntN(30), ValuesPerAnswer: 2 + rng.IntN(20), ChangesPerPage: 1 + rng.IntN(20),
	})
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func reachesDomain(t *testing.T, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 9))
	server := drawnServer(t, seed, rng)
	defer server.Close()
	w := &walker{t: t, server: server, rng: rng, known: map[identity]map[string]any{}, life: map[identity]connector.Removal{}, links: map[connector.Link]bool{}}
	for range rng.IntN(4) {
		if err := w.round(t.Context()); err != nil {
			t.Fatalf("ROSTER_SIM_SEED=%d: %v", seed, err)
		}
		server.Domain.Mutate(rng, rng.IntN(60))
		if rng.IntN(6) == 0 {
			server.FailOver()
		}
	}
	server.Adversary.Settle()
	for range 3 { // a round that began before the last change may miss it, and who returned is told whole in the next one
		if err := w.round(t.Context()); err != nil {
			t.Fatalf("ROSTER_SIM_SEED=%d: %v", seed, err)
		}
	}
	if diff := cmp.Diff(truth(server.Domain.State()), w.net()); diff != "" {
		t.Fatalf("ROSTER_SIM_SEED=%d (-domain +net):\n%s", seed, diff)
	}
}

// configOf is what an instance is configured with that reads a simulated domain.
func configOf(server *sim.Server) map[string]string {
	return map[string]string{
		keyURLs: server.URL(), keyBindDN: server.Account, keyPassword: server.Password, keyBaseDN: server.Domain.Base, "tls.caCertificate": string(server.CA()),
	}
}

// openDomain opens a simulated domain, and waits for nothing there.
func openDomain(server *sim.Server) (*source, error) {
	s, err := patient().Open(connector.Config{AllowPrivate: true, Values: configOf(server)})
	if err != nil {
		return nil, err
	}
	return s.(*source), nil
}

type identity struct {
	kind directory.IdentityKind
	key  string
}

// walker is the plainest keeper of pages: it takes them as they come, sweeps after a full round, loses the run now and then,
// and reads everything again where somebody returned from being gone.
type walker struct {
	t      *testing.T
	server *sim.Server
	rng    *rand.Rand
	state  []byte
	again  bool
	known  map[identity]map[string]any
	life   map[identity]connector.Removal
	links  map[connector.Link]bool // with Removed false
}

var errLost = errors.New("the run is lost")

// round reads a round, and again from where it was where it is lost or has expired.
func (w *walker) round(ctx context.Context) error {
	from := connector.From{State: w.state}
	if w.again {
		from.State, w.again = nil, false
	}
	told := map[any]bool{}
	for {
		source, err := openDomain(w.server)
		if err != nil {
			return err
		}
		ended := false
		err = source.Read(ctx, from, func(_ context.Context, page connector.Page) error {
			if w.rng.IntN(20) == 0 {
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
		o := identity{id.Kind, id.Key}
		if id.Removal != connector.Present {
			w.life[o] = id.Removal
			continue
		}
		w.again = w.again || !full && w.life[o] == connector.Gone
		delete(w.life, o)
		if w.known[o] == nil || full && !told[o] {
			w.known[o] = map[string]any{}
		}
		told[o] = true
		patch(w.known[o], id.Attributes)
	}
	for _, link := range page.Links {
		removed := link.Removed
		link.Removed, link.Other.Kind = false, ""
		if link.Type == connector.Manager && !removed { // the last one counts
			maps.DeleteFunc(w.links, func(l connector.Link, _ bool) bool {
				return l.Type == connector.Manager && l.OwnerKey == link.OwnerKey
			})
			maps.DeleteFunc(told, func(key any, _ bool) bool {
				l, ok := key.(connector.Link)
				return ok && l.Type == connector.Manager && l.OwnerKey == link.OwnerKey
			})
		}
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
		if !told[o] {
			w.life[o] = connector.Gone
		}
	}
	for link := range w.links {
		if !told[link] {
			delete(w.links, link)
		}
	}
}

// person is one that is there, with the keys of the managers or members that are.
type person struct {
	Attributes map[string]any
	Others     []string
}

func (w *walker) net() map[identity]person {
	out := map[identity]person{}
	for o, attributes := range w.known {
		if w.life[o] == connector.Present {
			out[o] = person{Attributes: attributes}
		}
	}
	there := func(key string) bool {
		_, user := out[identity{directory.KindUser, key}]
		_, group := out[identity{directory.KindGroup, key}]
		return user || group
	}
	for link := range w.links {
		owner := identity{link.OwnerKind, link.OwnerKey}
		if p, ok := out[owner]; ok && there(link.Other.Key) {
			p.Others = append(p.Others, link.Other.Key)
			slices.Sort(p.Others)
			out[owner] = p
		}
	}
	return out
}

// truth is the domain in the same form.
func truth(s sim.State) map[identity]person {
	out := map[identity]person{}
	for kind, all := range map[directory.IdentityKind]map[string]sim.Object{directory.KindUser: s.Users, directory.KindGroup: s.Groups} {
		for key, o := range all {
			out[identity{kind, key}] = person{Attributes: inSCIM(kind, o), Others: o.Others}
		}
	}
	return out
}

// inSCIM names the attributes of the directory as SCIM does.
func inSCIM(kind directory.IdentityKind, o sim.Object) map[string]any {
	out := map[string]any{"distinguishedName": o.DN}
	name := map[string]any{}
	for attribute, value := range o.Attributes {
		switch attribute {
		case "sAMAccountName":
			out[map[directory.IdentityKind]string{directory.KindUser: "userName", directory.KindGroup: "displayName"}[kind]] = value
		case "mail":
			out["emails"] = []any{map[string]any{"value": value, "type": "work", "primary": true}}
		case "givenName":
			name["givenName"] = value
		case "sn":
			name["familyName"] = value
		case "userAccountControl":
			out["active"] = value != "514"
		case "primaryGroupID", "whenCreated":
		default:
			out[attribute] = value
		}
	}
	if len(name) > 0 {
		out["name"] = name
	}
	return out
}

func TestLookupInTheDomain(t *testing.T) {
	t.Parallel()
	domain := sim.NewDomain(7)
	domain.Populate(15, 5, 7)
	server, err := sim.Start(sim.Config{Domain: domain, PageSize: 3, ValuesPerAnswer: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	source, err := openDomain(server)
	if err != nil {
		t.Fatal(err)
	}
	for o, want := range truth(domain.State()) {
		page, err := source.Lookup(t.Context(), o.kind, o.key, "")
		if err != nil || page == nil {
			t.Fatalf("%v: %v, %v", o, page, err)
		}
		got := person{Attributes: map[string]any{}}
		patch(got.Attributes, page.Identities[0].Attributes)
		for _, link := range page.Links {
			if link.OwnerKey == o.key {
				got.Others = append(got.Others, link.Other.Key)
			}
		}
		slices.Sort(got.Others)
		if got.Others = slices.DeleteFunc(got.Others, func(key string) bool { return !slices.Contains(want.Others, key) }); cmp.Diff(want, got) != "" {
			t.Errorf("%v: %s", o, cmp.Diff(want, got))
		}
		name, _ := want.Attributes[map[directory.IdentityKind]string{directory.KindUser: "userName", directory.KindGroup: "displayName"}[o.kind]].(string)
		if page, err := source.Lookup(t.Context(), o.kind, "", name); err != nil || page == nil || page.Identities[0].Key != o.key {
			t.Errorf("%s: %v, %v", name, page, err)
		}
	}
	source.Check(t.Context(), func(c connector.Check) {
		if !c.OK {
			t.Errorf("%+v", c)
		}
	})
}
