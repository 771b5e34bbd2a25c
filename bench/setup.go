package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/roster-gateway/roster/bench/dataset"
	"github.com/roster-gateway/roster/bench/raw"
)

// connections is how many requests are on their way at once.
const connections = 16

// bench is a run: what is measured, and with what.
type bench struct {
	*options
	data      *dataset.Data
	databases *databases
	keys      *keys

	// roster is measured against raw; second is another Roster over the same database.
	roster, second, raw *process
	admin, push         string // tokens

	adders  map[string]*adder
	rawAdds *adder
	other   *peer

	folder string
}

// setUp loads the data and starts the servers. What it returns is to be closed even with an error.
func setUp(ctx context.Context, o *options) (*bench, error) {
	b := &bench{options: o, admin: rand.Text() + rand.Text()}
	var err error
	if b.folder, err = os.MkdirTemp("", "roster-bench-"); err != nil {
		return nil, err
	}
	if o.peer != "" {
		if b.other, err = readPeer(o.peer); err != nil {
			return b, err
		}
	}
	begun := time.Now()
	say("making the data set")
	b.data = dataset.New(o.scale)
	b.keys = newKeys(b.data)
	say("loading %d users and %d groups", len(b.data.Users), len(b.data.Groups))
	if b.databases, err = makeDatabases(ctx, o.server, b.data); err != nil {
		return b, err
	}
	say("loaded after %s", time.Since(begun).Round(100*time.Millisecond))
	if b.binary == "" {
		say("building Roster")
		if b.binary, err = b.build(ctx); err != nil {
			return b, err
		}
	}
	if b.roster, err = b.startRoster(ctx, "roster"); err != nil {
		return b, err
	}
	if b.raw, err = b.startRaw(ctx); err != nil {
		return b, err
	}
	b.push, err = b.pushToken()
	return b, err
}

// close ends what setUp began.
func (b *bench) close() {
	for _, p := range []*process{b.roster, b.second, b.raw} {
		if p != nil {
			p.stop()
		}
	}
	if b.databases != nil {
		b.databases.drop(b.keep)
		if b.keep {
			say("kept: %s", b.databases.url(b.databases.roster))
		}
	}
	os.RemoveAll(b.folder)
}

// build builds Roster as releases are built.
func (b *bench) build(ctx context.Context) (string, error) {
	binary := filepath.Join(b.folder, "roster")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/roster-gateway/roster")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Roster: %w\n%s", err, out)
	}
	return binary, nil
}

func (b *bench) startRoster(ctx context.Context, name string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	env := environment(
		"ROSTER_LISTEN="+address, "ROSTER_ADMIN_TOKEN="+b.admin, "ROSTER_DATABASE_URL="+b.databases.url(b.databases.roster),
		"ROSTER_DATA_DIR="+b.folder, "ROSTER_DRAIN_GRACE=0s",
	)
	return startProcess(ctx, name, b.binary, []string{"serve"}, env, address, "/health/ready")
}

// The environment of the process that serves the baselines.
const (
	rawVariable    = "BENCH_RAW_DATABASE_URL"
	listenVariable = "BENCH_RAW_LISTEN"
)

func (b *bench) startRaw(ctx context.Context) (*process, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	env := environment(rawVariable+"="+b.databases.url(b.databases.raw), listenVariable+"="+address)
	return startProcess(ctx, "raw", binary, []string{"-scale", strconv.Itoa(b.scale)}, env, address, "/user")
}

// serveRaw is the whole life of that process.
func serveRaw(ctx context.Context, o *options) error {
	listener, err := net.Listen("tcp", os.Getenv(listenVariable))
	if err != nil {
		return err
	}
	return raw.Serve(ctx, listener, raw.Config{Data: dataset.New(o.scale), DatabaseURL: o.raw, Connections: connections})
}

// say tells how far the run is.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
