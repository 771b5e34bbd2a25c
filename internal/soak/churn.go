package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// rest is what each client of the churn waits between two requests: it is there to go on for long, not to be fast.
const rest = 20 * time.Millisecond

// quiet is how long a Roster may take to give back what load took, once the load has ended. Go gives memory back to the
// system by and by.
const quiet = 2 * time.Minute

// figures are what a process holds.
type figures struct {
	goroutines, files int
	resident          int64 // bytes
	identities        int   // in its graph, tombstones included
}

func (f figures) String() string {
	return fmt.Sprintf("%d goroutines, %d file descriptors, %.1f MB resident, %d identities", f.goroutines, f.files, float64(f.resident)/1e6, f.identities)
}

// within reports whether a process that is quiet again holds about what it held before: a few goroutines and
// descriptors more at most, as pools breathe, and memory for those who came and for what the collector leaves, but not
// for what was served.
func (f figures) within(before figures) bool {
	allowed := before.resident*5/4 + 16<<20 + int64(f.identities-before.identities)<<11
	return f.goroutines <= before.goroutines+5 && f.files <= before.files+5 && f.resident <= allowed
}

// churn loads one Roster for long and compares what it holds before and after.
func churn(ctx context.Context, c *cluster, o options) error {
	w, err := newWorld(ctx, c)
	if err != nil {
		return err
	}
	w.recording = false
	if err := w.addTenant(ctx, c.tenant); err != nil {
		return err
	}
	r := c.replicas[0]
	warm := min(time.Minute, o.churn/5)
	fmt.Printf("churn: %d writers, %d readers, subscriptions that come and go, and synchronizations over a network that fails, for %s after %s to warm up\n",
		clients, clients, o.churn, warm)
	w.turmoil(ctx, warm, o.seed)
	if _, _, err := w.synchronized(ctx); err != nil {
		return err
	}
	r.http.CloseIdleConnections()
	time.Sleep(10 * time.Second)
	before, err := w.figures(ctx, r)
	if err != nil {
		return err
	}
	fmt.Println("churn: before:", before)
	for part := range 5 {
		w.turmoil(ctx, o.churn/5, o.seed+uint64(part)+1)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		under, err := w.figures(ctx, r)
		if err != nil {
			return err
		}
		fmt.Printf("churn: %d writes and %d answers later: %s\n", w.wrote, w.asked, under)
	}
	runs, failed, err := w.synchronized(ctx)
	if err != nil {
		return err
	}
	after, err := w.calmed(ctx, r, before)
	if err != nil {
		return err
	}
	fmt.Println("churn: after: ", after)
	final, err := w.ends(ctx)
	if err != nil {
		return err
	}
	disagreements := disagree(final)
	for _, d := range disagreements {
		fmt.Println(d)
	}
	if err := w.tenantAgrees(ctx); err != nil {
		return err
	}
	slowest := time.Duration(r.slowest.Load())
	fmt.Printf("churn: the network failed %d times; %d requests were told to try again, and the slowest took %s; %d synchronizations, %d failed\n",
		w.troubles, w.busy, slowest.Round(time.Millisecond), runs, failed)
	for _, problem := range w.problems {
		fmt.Println(problem)
	}
	switch {
	case !after.within(before):
		return errors.New("churn: the process holds more than it did before")
	case w.mistaken > 0:
		return fmt.Errorf("churn: %d requests failed", w.mistaken)
	case len(disagreements) > 0:
		return fmt.Errorf("churn: GraphQL, SCIM and the database disagree on %d things", len(disagreements))
	case slowest > requestTimeout+time.Second:
		return fmt.Errorf("churn: a request took %s", slowest)
	}
	return nil
}

// calmed waits until the process holds what it held before, or until it should.
func (w *world) calmed(ctx context.Context, r *replica, before figures) (figures, error) {
	for end := time.Now().Add(quiet); ; {
		r.http.CloseIdleConnections()
		time.Sleep(5 * time.Second)
		after, err := w.figures(ctx, r)
		if err != nil || ctx.Err() != nil || after.within(before) || time.Now().After(end) {
			return after, errors.Join(err, ctx.Err())
		}
	}
}

// turmoil is the load of the checker with subscriptions beside it, each of which is left after a moment, with
// synchronizations, and with faults of the network.
func (w *world) turmoil(ctx context.Context, lasts time.Duration, seed uint64) {
	until, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	var all sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(seed, uint64(1000+i)))
		all.Go(func() {
			for until.Err() == nil {
				if err := w.subscribe(until, w.replicas[0], time.Duration(random.IntN(3000))*time.Millisecond); err != nil && until.Err() == nil {
					w.mu.Lock()
					w.mistaken++
					w.problem(fmt.Errorf("a subscription: %w", err))
					w.mu.Unlock()
					return
				}
			}
		})
	}
	all.Go(func() { w.trouble(until, rand.New(rand.NewPCG(seed, 2000))) })
	all.Go(func() { w.synchronize(until) })
	w.load(ctx, lasts, seed, rest)
	all.Wait()
}

// subscribe follows the change feed for a while and leaves without a word.
func (w *world) subscribe(ctx context.Context, r *replica, stays time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, stays)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/graphql", strings.NewReader(`{"query":"subscription { changes { kind fqn } }"}`))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+w.read)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	response, err := r.http.Do(request)
	if err != nil {
		return ended(ctx, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusServiceUnavailable:
		pause(ctx, rest)
		return nil
	default:
		return fmt.Errorf("answered %d", response.StatusCode)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return ended(ctx, err)
}

// ended passes over the error of leaving.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// figures reads what a Roster holds, from its metrics and from the system.
func (w *world) figures(ctx context.Context, r *replica) (figures, error) {
	status, _, text, err := r.send(ctx, http.MethodGet, "/metrics", w.admin, "text/plain", "", nil)
	if err != nil || status != http.StatusOK {
		return figures{}, fmt.Errorf("metrics: %d, %w", status, err)
	}
	f := figures{goroutines: metric(text, "go_goroutines"), identities: metric(text, "roster_replica_identities")}
	proc := fmt.Sprintf("/proc/%d/", r.cmd.Process.Pid)
	files, err := os.ReadDir(proc + "fd")
	if err != nil {
		return f, err
	}
	f.files = len(files)
	state, err := os.ReadFile(proc + "status")
	if err != nil {
		return f, err
	}
	for line := range strings.Lines(string(state)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kilobytes, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			f.resident = kilobytes << 10
			return f, err
		}
	}
	return f, errors.New("the system tells no resident memory")
}

// metric is the value of a figure without labels; -1 where there is none.
func metric(text []byte, name string) int {
	lines := bufio.NewScanner(strings.NewReader(string(text)))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return -1
			}
			return int(n)
		}
	}
	return -1
}
