package plan_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

const tenFields = `id fqn name displayName email status externalId givenName familyName createdAt`

var workloads = []struct {
	name, query string
	variables   map[string]any
}{
	{"user", `query($id: ID!) { user(id: $id) { ` + tenFields + ` } }`, map[string]any{"id": uid("user1001").String()}},
	{"page", `query { users(filter: {provider: "HR"}, first: 50) { nodes { ` + tenFields + ` } pageInfo { hasNextPage endCursor } } }`, nil},
	{"members", `query($id: ID!) { group(id: $id) { members(scope: EFFECTIVE, kind: USER, first: 1000) { nodes { id ... on User { userName } } } } }`, map[string]any{"id": uid("group1").String()}},
	{"check", `query($c: [MembershipCheckInput!]!) { checkMembership(checks: $c) { isMember memberStatus containerStatus } }`, map[string]any{"c": []any{map[string]any{"member": "HR:user8001", "container": "HR:group1"}}}},
	{"principals", `query($f: String!) { principals(fqn: $f) }`, map[string]any{"f": "HR:user8001"}},
	{"memberOf", `query($id: ID!) { user(id: $id) { memberOf(scope: EFFECTIVE, first: 1000) { nodes { id name } } } }`, map[string]any{"id": uid("user8001").String()}},
	{"resolve", `query($f: [String!]!) { resolve(fqns: $f) { results { fqn status users(first: 50) { nodes { id userName } } } } }`, map[string]any{"f": []any{
		"HR:group1", "HR:group2", "HR:group3", "HR:group4", "HR:group5", "HR:group6", "HR:group7", "HR:group8", "HR:group1", "HR:group2",
		"HR:group3", "HR:group4", "HR:group5", "HR:group6", "HR:group7", "HR:group8", "HR:group1", "HR:group2", "HR:group3", "HR:group4",
	}}},
}

// silent is a response that nobody reads.
type silent struct{ header http.Header }

func (s silent) Header() http.Header         { return s.header }
func (s silent) Write(b []byte) (int, error) { return len(b), nil }
func (silent) WriteHeader(int)               {}

// BenchmarkRoads measures whole requests, without a network, on either road over the same directory in memory. The
// generated road also waits, to batch what its goroutines ask for: its work is told by cpu-ns/op.
func BenchmarkRoads(b *testing.B) {
	m := newMemory()
	for id, r := range m.byID {
		for _, way := range []directory.Way{directory.Down, directory.Up} {
			for _, kind := range []directory.IdentityKind{"", directory.KindUser} {
				if r.Kind == directory.KindGroup || id == 8001 {
					m.warm(directory.EdgeQuery{Of: id, Way: way, Scope: directory.ScopeEffective, Kind: kind, Status: directory.OnlyActive})
				}
			}
		}
	}
	r := newRoads(directory.New(m), access.New(nil, access.Config{}), nil)
	for _, load := range workloads {
		if _, planned := r.same(b, load.query, load.variables); !planned {
			b.Fatal(load.name, "is not planned")
		}
		body := request(b, load.query, load.variables)
		for name, road := range map[string]http.Handler{"planned": r.planned, "generated": r.generated} {
			b.Run(load.name+"/"+name, func(b *testing.B) {
				req := httptest.NewRequest(http.MethodPost, "/graphql", nil)
				req.Header.Set("Content-Type", "application/json")
				req = req.WithContext(access.WithPrincipal(req.Context(), admin))
				b.ReportAllocs()
				before := cpu()
				for b.Loop() {
					again := *req
					again.Body, again.ContentLength = readCloser{bytes.NewReader(body)}, int64(len(body))
					road.ServeHTTP(silent{http.Header{}}, &again)
				}
				b.ReportMetric(float64(cpu()-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// cpu is the time that this process has worked, in nanoseconds.
func cpu() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }
