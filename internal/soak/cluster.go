package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/internal/faultproxy"
	"github.com/roster-gateway/roster/store"
)

// startLimit is how long a Roster may take to be ready.
const startLimit = time.Minute

// requestTimeout is what a request may take; every one has to end a second later at the latest.
const requestTimeout = 3 * time.Second

// cluster is some Rosters over one database of their own.
type cluster struct {
	db       *sql.DB
	replicas []*replica
	admin    string // token
	// network is between the Rosters and the database; nil where nothing fails.
	network *faultproxy.Proxy
	// tenant is the configuration by which the simulated tenant is read; nil for none.
	tenant map[string]string
}

// replica is one running Roster.
type replica struct {
	index int
	base  string
	http  *http.Client
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	// slowest is how long a request took at most, in nanoseconds.
	slowest atomic.Int64
}

func build(ctx context.Context, folder string) (string, error) {
	binary := filepath.Join(folder, "roster")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/roster-gateway/roster")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Roster: %w\n%s", err, out)
	}
	return binary, nil
}

// with runs do with a fresh cluster, and takes the cluster down.
func with(ctx context.Context, server, binary, folder string, replicas int, failing bool, do func(*cluster) error) (err error) {
	maintenance, err := sql.Open("postgres", server)
	if err != nil {
		return err
	}
	defer maintenance.Close()
	name := "roster_soak_" + strings.ToLower(rand.Text()[:10])
	if _, err := maintenance.ExecContext(ctx, `CREATE DATABASE `+pq.QuoteIdentifier(name)+` TEMPLATE template0`); err != nil {
		return err
	}
	defer func() {
		_, dropped := maintenance.Exec(`DROP DATABASE ` + pq.QuoteIdentifier(name) + ` WITH (FORCE)`)
		err = errors.Join(err, dropped)
	}()
	database, err := url.Parse(server)
	if err != nil {
		return err
	}
	database.Path = "/" + name
	if err := store.Migrate(ctx, database.String()); err != nil {
		return err
	}
	c := &cluster{admin: rand.Text()}
	if c.db, err = sql.Open("postgres", database.String()); err != nil {
		return err
	}
	defer c.db.Close()
	defer func() {
		for _, r := range c.replicas {
			err = errors.Join(err, r.stop())
		}
	}()
	address := database.String()
	if failing {
		if c.network, err = faultproxy.Start(address); err != nil {
			return err
		}
		defer c.network.Close()
		address = c.network.URL()
		var end func()
		if c.tenant, end, err = simulate(ctx, binary, folder); err != nil {
			return err
		}
		defer end()
	}
	for i := range replicas {
		r, err := start(ctx, i, binary, folder, address, c.admin)
		if r != nil {
			c.replicas = append(c.replicas, r)
		}
		if err != nil {
			return err
		}
	}
	return do(c)
}

// start starts a Roster and waits until it is ready. With an error it may be running all the same.
func start(ctx context.Context, index int, binary, folder, database, admin string) (*replica, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a free address
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	listener.Close()
	log, err := os.Create(filepath.Join(folder, fmt.Sprintf("replica-%d.log", index)))
	if err != nil {
		return nil, err
	}
	r := &replica{
		index: index, base: "http://" + address, log: log, ended: make(chan struct{}),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 30 * time.Second},
	}
	r.cmd = exec.Command(binary, "serve")
	r.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + folder, "ROSTER_LISTEN=" + address, "ROSTER_DATABASE_URL=" + database,
		"ROSTER_ADMIN_TOKEN=" + admin, "ROSTER_DRAIN_GRACE=0s", "ROSTER_LOG_LEVEL=warn",
		"ROSTER_CACHE_SIZE=1048576", // small, so that it is full soon
		"ROSTER_SECRETS_KEYSET=" + filepath.Join(folder, keysetFile), "ROSTER_ALLOW_PRIVATE_SOURCES=true", "ROSTER_REQUEST_TIMEOUT=" + requestTimeout.String(),
	}
	r.cmd.Stderr = log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is ours to pass on
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = r.cmd.Wait() // stop tells how it ended
		close(r.ended)
	}()
	for deadline := time.Now().Add(startLimit); ; time.Sleep(20 * time.Millisecond) {
		if answer, err := r.http.Get(r.base + "/health/ready"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return r, nil
			}
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return r, fmt.Errorf("replica %d is not ready", index)
		}
	}
}

// stop ends a Roster in order, and passes on what it complained of.
func (r *replica) stop() error {
	r.http.CloseIdleConnections()
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(15 * time.Second):
		_ = r.cmd.Process.Kill()
		<-r.ended
	}
	r.log.Close()
	text, err := os.ReadFile(r.log.Name())
	if err != nil {
		return err
	}
	var complaints strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "UNAVAILABLE") { // which is what faults lead to
			complaints.WriteString(line)
		}
	}
	if complaints.Len() > 0 {
		fmt.Printf("replica %d logged:\n%.4000s\n", r.index, complaints.String())
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("replica %d ended with %d", r.index, code)
	}
	return nil
}
