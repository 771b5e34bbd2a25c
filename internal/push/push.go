package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/roster-gateway/roster/internal/scimclient"
	"github.com/roster-gateway/roster/scim/schema"
)

// pageSize is how many resources are asked for at a time: groups come with their members.
var pageSize = map[*kind]int{users: 1000, groups: 100}

// Outcome is what became of a line.
type Outcome int

// The outcomes. A line that was pushed without something that it refers to has failed too.
const (
	Unchanged Outcome = iota
	Created
	Updated
	Failed
)

// Result is a line's outcome. Reason says why it failed.
type Result struct {
	Line    int
	Outcome Outcome
	Reason  string
}

// Config says where a directory goes.
type Config struct {
	Client *scimclient.Client
	// Connections is how many requests are under way at a time.
	Connections int
	// Done is called after each line.
	Done func()
}

// target is a resource of the service: one that is there, or one that a line is about to make.
type target struct {
	id string
	// resource is what the service has; nil for nothing yet.
	resource scimclient.Resource
	// failed says that there will be none.
	failed bool
	// pending says that a line is about to make it.
	pending bool
}

// run is one push.
type run struct {
	cfg     Config
	entries []*entry
	known   map[*kind]*index

	mu sync.Mutex // guards the calls of Done
}

// index finds resources of a kind.
type index struct {
	byExternalID, byLabel map[string]*target
}

// Run pushes a directory and returns the outcome of every line, in order. An error means that it was cut short: by the
// context, by a service that cannot be reached, or by one that lets this client do nothing. What is done then stays done,
// and another push goes on from there.
func (d *Directory) Run(ctx context.Context, cfg Config) ([]Result, error) {
	r := &run{cfg: cfg, entries: d.entries, known: map[*kind]*index{}}
	for _, k := range []*kind{users, groups} {
		if err := r.list(ctx, k); err != nil {
			return nil, err
		}
	}
	r.match()
	err := r.inOrder(ctx)
	results := make([]Result, len(d.entries))
	for i, e := range d.entries {
		results[i] = e.result
		results[i].Line = e.line
	}
	return results, err
}

// list reads what the service has.
func (r *run) list(ctx context.Context, k *kind) error {
	found := &index{map[string]*target{}, map[string]*target{}}
	r.known[k] = found
	query := url.Values{"excludedAttributes": {"groups"}}
	if k == groups && !slices.ContainsFunc(r.entries, func(e *entry) bool { return e.members != nil }) {
		query = url.Values{"excludedAttributes": {"members"}}
	}
	return r.cfg.Client.Each(ctx, k.endpoint, pageSize[k], query, func(resource scimclient.Resource) error {
		t := &target{resource: resource}
		if t.id, _ = resource["id"].(string); t.id == "" {
			return fmt.Errorf("SCIM listed a %s without an id", k.name)
		}
		found.add(t, text(resource, "externalId"), text(resource, k.label))
		return nil
	})
}

func (x *index) add(t *target, externalID, label string) {
	if externalID != "" {
		x.byExternalID[externalID] = t
	}
	if label != "" {
		x.byLabel[strings.ToLower(label)] = t
	}
}

func text(resource scimclient.Resource, name string) string {
	value, _ := schema.Lookup(resource, name)
	out, _ := value.(string)
	return out
}

// match finds for each line the resource that it is about: by externalId, or by name where one of the two has none.
func (r *run) match() {
	taken := map[*target]bool{}
	for _, e := range r.entries {
		if e.result.Outcome != Failed {
			e.target = r.known[e.kind].byExternalID[e.externalID]
			taken[e.target] = true
		}
	}
	for _, e := range r.entries {
		if e.result.Outcome == Failed || e.target != nil {
			continue
		}
		named := r.known[e.kind].byLabel[strings.ToLower(e.label)]
		if named != nil && !taken[named] && (e.externalID == "" || text(named.resource, "externalId") == "") {
			e.target = named
		} else {
			e.target = &target{pending: true}
		}
	}
	for _, e := range r.entries { // after all were matched: a name may go from one to another
		if e.target != nil {
			r.known[e.kind].add(e.target, e.externalID, e.label)
		}
	}
}

// find returns what a reference is to, nil for nothing.
func (r *run) find(to reference) *target {
	kinds := []*kind{users, groups}
	if to.kind != nil {
		kinds = []*kind{to.kind}
	}
	for _, k := range kinds {
		if t := r.known[k].byExternalID[to.name]; t != nil {
			return t
		}
	}
	for _, k := range kinds {
		if t := r.known[k].byLabel[strings.ToLower(to.name)]; t != nil {
			return t
		}
	}
	return nil
}

// inOrder pushes each line after those that it refers to. Lines that refer to each other in a circle, or to themselves, go
// without that first, and are completed when all are there.
func (r *run) inOrder(ctx context.Context) error {
	var waiting, again []*entry
	for _, e := range r.entries {
		if e.result.Outcome == Failed {
			r.done(e)
			continue
		}
		waiting = append(waiting, e)
	}
	for len(waiting) > 0 {
		var ready, later []*entry
		for _, e := range waiting {
			if r.waits(e) {
				later = append(later, e)
			} else {
				ready = append(ready, e)
			}
		}
		if len(ready) == 0 {
			ready = r.circles(later)
			again = append(again, ready...)
			later = slices.DeleteFunc(later, func(e *entry) bool { return slices.Contains(ready, e) })
		}
		if err := r.each(ctx, ready, r.push); err != nil {
			return err
		}
		waiting = later
	}
	return r.each(ctx, again, r.complete)
}

// references are what an entry refers to.
func (e *entry) references() []reference {
	if e.manager != nil {
		return []reference{*e.manager}
	}
	return e.members
}

// waits reports whether an entry refers to something that another line is about to make.
func (r *run) waits(e *entry) bool {
	return slices.ContainsFunc(e.references(), func(to reference) bool {
		t := r.find(to)
		return t != nil && t.pending
	})
}

// circles are those of waiting entries that are in a circle, or on the way from one to another.
func (r *run) circles(waiting []*entry) []*entry {
	left := slices.Clone(waiting)
	for {
		referred := map[*target]bool{}
		for _, e := range left {
			for _, to := range e.references() {
				referred[r.find(to)] = true
			}
		}
		before := len(left)
		left = slices.DeleteFunc(left, func(e *entry) bool { return !referred[e.target] })
		if len(left) == before {
			return left
		}
	}
}

// task is an entry with its references as they are when its turn comes.
type task struct {
	*entry
	members []string // nil where the line does not say
	manager string
	missing []string
}

// each does something with entries, several at a time.
func (r *run) each(ctx context.Context, entries []*entry, do func(context.Context, *task) error) error {
	tasks := make([]*task, len(entries))
	for i, e := range entries {
		tasks[i] = r.resolve(e)
	}
	var group errgroup.Group
	group.SetLimit(max(r.cfg.Connections, 1))
	var ended atomic.Bool // what is under way then may end well
	for _, t := range tasks {
		if ended.Load() || ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			err := do(ctx, t)
			if !isOurs(err) {
				ended.Store(true)
				return err
			}
			if t.target.pending {
				t.target.pending, t.target.failed = false, t.target.id == ""
			}
			switch {
			case err != nil:
				t.fail(err.Error())
			case len(t.missing) > 0:
				t.fail(missing(t.missing))
			}
			r.done(t.entry)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// isOurs reports whether a failure is of one line, so that the next one may well succeed.
func isOurs(err error) bool {
	if err == nil {
		return true
	}
	refusal := (*scimclient.Error)(nil)
	if !errors.As(err, &refusal) {
		return false
	}
	switch refusal.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return false
	}
	return true
}

func missing(names []string) string {
	const shown = 3
	more := ""
	if len(names) > shown {
		more = fmt.Sprintf(" and %d more", len(names)-shown)
		names = names[:shown]
	}
	return "it was pushed without what is neither in the file nor at the service: " + strings.Join(names, ", ") + more
}

// done counts a line, once.
func (r *run) done(e *entry) {
	if e.counted || r.cfg.Done == nil {
		return
	}
	e.counted = true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.Done()
}

// resolve looks the references of an entry up.
func (r *run) resolve(e *entry) *task {
	t := &task{entry: e}
	id := func(to reference) string {
		found := r.find(to)
		switch {
		case found == nil || found.failed:
			t.missing = append(t.missing, to.name)
		case found.id != "":
			return found.id
		}
		return "" // pending: in a circle
	}
	if e.manager != nil {
		t.manager = id(*e.manager)
	}
	if e.members != nil {
		t.members = []string{}
		for _, to := range e.members {
			if found := id(to); found != "" {
				t.members = append(t.members, found)
			}
		}
		slices.Sort(t.members)
		t.members = slices.Compact(t.members)
	}
	return t
}
