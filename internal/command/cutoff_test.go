package command

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/faultproxy"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/resolvers"
)

// staleness is how far a replica may be behind another one, as docs/architecture.md states it.
const staleness = 2 * time.Second

// pair is two replicas over one database, the second one behind a proxy.
type pair struct {
	*testing.T
	near, far         *child
	network           *faultproxy.Proxy
	push, ana, team   string
	question, yes, no string
}

// between starts a network that can fail in front of a database.
func between(t *testing.T, database string) *faultproxy.Proxy {
	t.Helper()
	p, err := faultproxy.Start(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func newPair(t *testing.T, deaf bool, settings ...string) *pair {
	t.Helper()
	url := testpg.New(t)
	p := &pair{T: t}
	p.network = between(t, url)
	if deaf {
		p.network.Deafen()
	}
	settings = append(settings, "ROSTER_ADMIN_TOKEN="+admin)
	p.near = serve(t, append(settings, "ROSTER_DATABASE_URL="+url)...)
	p.far = serve(t, append(settings, "ROSTER_DATABASE_URL="+p.network.URL())...)
	p.near.graphQL(admin, `mutation { addProvider(input: {name: "HR", type: SCIM}) { userErrors { message } } }`)
	p.near.graphQL(admin, `mutation { addProviderInstance(input: {provider: "HR"}) { userErrors { message } } }`)
	p.push = p.near.newToken(`{name: "push", scopes: [SCIM], provider: "HR", instance: ""}`)
	p.ana = p.near.create(p.push, "Users", `{"userName": "ana"}`)
	p.team = p.near.create(p.push, "Groups", `{"displayName": "team"}`)
	p.question = `{"query":"{ checkMembership(checks: [{member: \"HR:ana\", container: \"HR:team\"}]) { isMember } }"}`
	p.yes, p.no = `{"data":{"checkMembership":[{"isMember":true}]}}`, `{"data":{"checkMembership":[{"isMember":false}]}}`
	return p
}

// set puts ana into the team, or takes her out, on the near replica. It returns the revision and when it was answered.
func (p *pair) set(member bool) (revision string, at time.Time) {
	p.Helper()
	op := `{"op": "add", "path": "members", "value": [{"value": "` + p.ana + `"}]}`
	if !member {
		op = `{"op": "remove", "path": "members[value eq \"` + p.ana + `\"]"}`
	}
	body := `{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [` + op + `]}`
	request, err := http.NewRequest(http.MethodPatch, p.near.base+"/scim/v2/Groups/"+p.team, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+p.push)
	request.Header.Set("Content-Type", "application/scim+json")
	response, err := canary.Client(p).Do(request)
	if err != nil {
		p.Fatal(err)
	}
	response.Body.Close()
	revision = response.Header.Get(resolvers.RevisionHeader)
	if response.StatusCode != http.StatusNoContent || revision == "" {
		p.Fatalf("%s is answered %d at the revision %q", body, response.StatusCode, revision)
	}
	return revision, time.Now()
}

// awaitFar asks the far replica until it answers, and returns when that was and how often it had answered otherwise.
func (p *pair) awaitFar(want string, limit time.Duration) (at time.Time, otherwise int) {
	p.Helper()
	for end := time.Now().Add(limit); ; otherwise++ {
		_, answer := p.far.ask(admin, "", p.question)
		if answer == want {
			return time.Now(), otherwise
		}
		if time.Now().After(end) {
			p.Fatalf("after %s the far replica still answers %s", limit, answer)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestSafetyR9AChangeIsSeenOnTheOtherReplica: soon with hints, within the stated bound without, and at once with a revision.
func TestSafetyR9AChangeIsSeenOnTheOtherReplica(t *testing.T) {
	t.Parallel()
	for name, deaf := range map[string]bool{"with hints": false, "without hints": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, deaf)
			behind := 0
			for i := range 8 {
				member, want := i%2 == 0, p.yes
				if !member {
					want = p.no
				}
				revision, at := p.set(member)
				if i < 4 { // at its revision
					if answer := p.far.askAt(admin, revision, p.question); answer != want {
						t.Fatalf("at the revision of the change the other replica answers %s", answer)
					}
					continue
				}
				seen, otherwise := p.awaitFar(want, patience)
				behind += otherwise
				t.Logf("seen after %s", seen.Sub(at))
				if seen.Sub(at) > staleness {
					t.Errorf("a change was seen after %s; at most %s is promised", seen.Sub(at), staleness)
				}
			}
			if deaf && (behind == 0 || p.network.KeptBack() == 0) {
				t.Errorf("%d notifications were kept back and %d answers were behind: nothing is tried here", p.network.KeptBack(), behind)
			}
		})
	}
}

// TestSafetyR9AReplicaThatIsCutOffSaysSo cuts one replica off from the database, by connections that are refused and by ones that
// fall silent, and then withdraws a membership. The replica must not grant it once it cannot know any more, must say so
// in time, and must answer again soon after the database is back.
func TestSafetyR9AReplicaThatIsCutOffSaysSo(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]faultproxy.Fault{"refused": faultproxy.Refuse, "silent": faultproxy.BlackHole} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, false, "ROSTER_REQUEST_TIMEOUT=3s") // what bounds a silent connection too
			revision, _ := p.set(true)
			p.far.askAt(admin, revision, p.question)
			p.network.Turn(cut)
			p.set(false)
			at := time.Now()
			granted, refused, slowest := 0, 0, time.Duration(0)
			for time.Since(at) < 4*staleness {
				begun := time.Now()
				status, answer := p.far.ask(admin, "", p.question)
				switch {
				case answer == p.yes:
					if granted++; begun.Sub(at) > staleness {
						t.Fatalf("%s after it was cut off it still grants what was withdrawn", begun.Sub(at))
					}
				case strings.Contains(answer, `"UNAVAILABLE"`):
					refused++
					slowest = max(slowest, time.Since(begun))
				default:
					t.Fatalf("it is answered %d %s", status, answer)
				}
				time.Sleep(50 * time.Millisecond)
			}
			t.Logf("granted %d times, then refused %d times, the slowest within %s", granted, refused, slowest)
			if refused == 0 || slowest > 6*time.Second {
				t.Errorf("it said %d times that it is cut off, and took up to %s for that", refused, slowest)
			}
			p.network.Turn(faultproxy.None)
			back := time.Now()
			seen, _ := p.awaitFar(p.no, patience)
			t.Logf("answers again after %s", seen.Sub(back))
			if seen.Sub(back) > 5*time.Second {
				t.Errorf("it took %s to answer again", seen.Sub(back))
			}
		})
	}
}
