package graph

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPeer_Walk lets Microsoft's client walk the delta queries: what it finds is the truth. Of the adversary it meets all
// but what that client leaves to its users: failures and expired links.
func TestPeer_Walk(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("there is no Node.js here")
	}
	if _, err := os.Stat("peer/node_modules"); err != nil {
		t.Skip("Microsoft's client is not installed: run npm ci in internal/sim/graph/peer, or make conformance")
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			tenant := NewTenant(seed)
			tenant.Populate(150, 30, seed)
			var a *Adversary
			if seed > 0 {
				a = NewAdversary(seed)
				a.Faults, a.Expiries, a.Unauthorized = 0, 0, 0
			}
			s := start(t, Config{Tenant: tenant, Adversary: a, PageSize: 20, LinksPerPage: 30})
			c := newClient(t, s)
			p := startPeer(t, c)
			rng := rand.New(rand.NewPCG(seed, 6))
			for range 4 {
				p.sync(c, User)
				tenant.Mutate(rng, 80)
				p.sync(c, Group)
			}
			a.Settle()
			for range 2 {
				p.sync(c, User)
				p.sync(c, Group)
			}
			if diff := cmp.Diff(live(tenant.State()), c.state()); diff != "" {
				t.Errorf("-truth +client:\n%s", diff)
			}
		})
	}
}

// peer is Microsoft's client in a process of its own.
type peer struct {
	in  io.Writer
	out *bufio.Reader
}

func startPeer(t *testing.T, c *client) *peer {
	t.Helper()
	c.signIn()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, c.server.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "walk.mjs")
	node.Dir, node.Stderr = "peer", t.Output()
	node.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca, "GRAPH_ORIGIN="+c.server.URL(), "GRAPH_TOKEN="+c.token)
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = node.Wait()
	})
	return &peer{in, bufio.NewReader(out)}
}

// sync lets the peer walk a round, and takes its rows.
func (p *peer) sync(c *client, kind Kind) {
	c.t.Helper()
	address := c.delta[kind]
	if address == "" {
		address = "/" + string(kind) + "s/delta?$select=" + selected[kind]
	}
	if _, err := fmt.Fprintln(p.in, address); err != nil {
		c.t.Fatal(err)
	}
	line, err := p.out.ReadBytes('\n')
	var answer struct {
		Rows      []map[string]any
		DeltaLink string
		Error     string
	}
	if err != nil || json.Unmarshal(line, &answer) != nil || answer.Error != "" || answer.DeltaLink == "" {
		c.t.Fatalf("the peer answers %.300s (%v)", line, err)
	}
	for _, r := range answer.Rows {
		c.take(kind, r, map[string]bool{})
	}
	c.delta[kind] = answer.DeltaLink
}
