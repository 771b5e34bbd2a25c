package sharepoint_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sharepoint"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	sim "github.com/roster-gateway/roster/internal/sim/sharepoint"
)

// appKey is one key for all tests: drawing one takes long.
var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// world is a simulated site and a source that reads it.
type world struct {
	t      testing.TB
	server *sim.Server
	source connector.Source
	pauses []time.Duration
}

func start(t testing.TB, seed uint64) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, server: &sim.Server{Site: sim.NewSite(seed), Directory: sim.NewDirectory(40, 10, seed), Key: appKey()}}
	if err := w.server.Start(listener, seed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.server.Close() })
	w.source, err = sharepoint.Type.Open(w.config())
	if err != nil {
		t.Fatal(err)
	}
	sharepoint.OnPause(w.source, func(ctx context.Context, d time.Duration) error {
		w.pauses = append(w.pauses, d)
		return ctx.Err()
	})
	return w
}

// config is what the source of a world is opened with.
func (w *world) config() connector.Config {
	return connector.Config{AllowPrivate: true, Log: canary.Log(w.t), Values: configOf(w.server)}
}

// configOf is what an instance is configured with that reads a simulated site.
func configOf(server *sim.Server) map[string]string {
	return map[string]string{
		"sp.siteUrl": server.SiteURL(), "sp.tenant": server.Tenant, "sp.clientId": server.ClientID, "sp.certificate": server.Certificate,
		"sp.authorityHost": server.Origin, "tls.caCertificate": server.CA,
	}
}

// read reads a round, beginning where it is told to.
func (w *world) read(from connector.From) ([]connector.Page, error) {
	var pages []connector.Page
	err := w.source.Read(w.t.Context(), from, func(_ context.Context, p connector.Page) error {
		pages = append(pages, p)
		return nil
	})
	return pages, err
}

// seen is a group as it was read: its links and those of its members that are not linked, sorted.
type seen struct {
	Title, Description string
	Partial            bool
	Links, Skipped     []string
}

func sorted(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// told is what pages tell of groups, by their keys.
func told(pages []connector.Page) map[string]*seen {
	out, titles := map[string]*seen{}, map[string]string{}
	for _, page := range pages {
		for _, id := range page.Identities {
			title, _ := id.Attributes["displayName"].(string)
			description, _ := id.Attributes["description"].(string)
			out[id.Key], titles[title] = &seen{Title: title, Description: description, Partial: id.PartialLinks, Links: []string{}, Skipped: []string{}}, id.Key
		}
		for _, l := range page.Links {
			out[l.OwnerKey].Links = append(out[l.OwnerKey].Links, strings.ToLower(l.Other.Provider+" "+string(l.Other.Kind)+" "+l.Other.Key+l.Other.Name))
		}
		for _, f := range page.Failures {
			if f.Code != directory.UnmappedPrincipal {
				continue
			}
			for title, key := range titles { // no title holds another one in quotes
				if strings.Contains(f.Message, "the group "+quoted(title)+" ") {
					out[key].Skipped = append(out[key].Skipped, f.Key)
				}
			}
		}
	}
	for _, g := range out {
		g.Links, g.Skipped = sorted(g.Links), sorted(g.Skipped)
	}
	return out
}

// truth is what a reader of the site has to have seen.
func (w *world) truth() map[string]*seen {
	state, out := w.server.Site.State(), map[string]*seen{}
	for _, g := range state.Groups {
		s := &seen{Title: g.Title, Description: g.Description, Links: []string{}, Skipped: []string{}}
		for _, m := range g.Members {
			switch m.Kind {
			case sim.User:
				s.Links = append(s.Links, "aad user "+m.Object)
			case sim.SecurityGroup, sim.GroupMembers:
				s.Links = append(s.Links, "aad group "+m.Object)
			default:
				s.Skipped = append(s.Skipped, m.LoginName())
			}
		}
		s.Links, s.Skipped = sorted(s.Links), sorted(s.Skipped)
		out[key(state.ID, g.ID)] = s
	}
	return out
}
