package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/roster-gateway/roster/internal/soak/history"
)

// staleness is what Roster promises, see docs/architecture.md.
const staleness = 2 * time.Second

// check writes and reads for a while, and judges all of it.
func check(ctx context.Context, c *cluster, o options) error {
	w, err := newWorld(ctx, c)
	if err != nil {
		return err
	}
	fmt.Printf("checker: %d writers and %d readers on %d replicas for %s\n", clients, clients, len(c.replicas), o.check)
	w.load(ctx, o.check, o.seed, 0)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	time.Sleep(staleness + time.Second/2)
	final, err := w.ends(ctx)
	if err != nil {
		return err
	}
	return w.judge(final)
}

// load runs all clients for a while; each rests so long between two requests.
func (w *world) load(ctx context.Context, lasts time.Duration, seed uint64, rest time.Duration) {
	until, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	var all sync.WaitGroup
	run := func(step func(context.Context)) {
		all.Go(func() {
			for until.Err() == nil {
				step(ctx) // what has begun ends, or nobody could tell whether it happened
				time.Sleep(rest)
			}
		})
	}
	for i := range clients {
		run((&writer{world: w, index: i, random: rand.New(rand.NewPCG(seed, uint64(i)))}).write)
		run((&reader{world: w, random: rand.New(rand.NewPCG(seed, uint64(clients+i)))}).ask)
	}
	all.Wait()
}

// ends reads everything from each replica, by SCIM and from the database.
func (w *world) ends(ctx context.Context) ([]*history.Read, error) {
	people := w.everybody()
	var all []*history.Read
	for _, r := range w.replicas {
		read := &history.Read{Replica: r.index, Start: w.now(), Settled: true, What: fmt.Sprint("everything, from replica ", r.index)}
		questions := []*question{w.askRole(), w.askPairs()}
		for t := range teams {
			questions = append(questions, w.askTeam(team(t)))
		}
		for i := range clients {
			questions = append(questions, w.askName(renamed(i)))
		}
		for _, id := range people {
			questions = append(questions, w.askPerson(id))
		}
		for _, q := range questions {
			if _, err := r.graphQL(ctx, w.read, "", q.query, q.variables, q.answer); err != nil {
				return nil, fmt.Errorf("asking for %s in the end: %w", q.what, err)
			}
			read.Observations = append(read.Observations, q.observe()...)
		}
		read.End = w.now()
		all = append(all, read)
	}
	for _, last := range []struct {
		what string
		read func(context.Context, []string) ([]history.Observation, error)
	}{{"everything, by SCIM", w.scimEnds}, {"everything, from the database", w.rowsEnd}} {
		read := &history.Read{Replica: -1, Start: w.now(), Settled: true, What: last.what}
		var err error
		if read.Observations, err = last.read(ctx, people); err != nil {
			return nil, fmt.Errorf("asking for %s: %w", last.what, err)
		}
		read.End = w.now()
		all = append(all, read)
	}
	return all, nil
}

// everybody lists the people who were ever created.
func (w *world) everybody() []string {
	if !w.recording {
		return w.people // the last of them
	}
	seen := map[string]bool{}
	var ids []string
	for _, h := range w.writes {
		if id, ok := strings.CutPrefix(h.Register, "person/"); ok && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// scimEnds reads what SCIM shows: it knows neither roles nor the deleted.
func (w *world) scimEnds(ctx context.Context, people []string) ([]history.Observation, error) {
	r := w.replicas[0]
	var out []history.Observation
	for t := range teams {
		var group struct {
			Members []struct{ Value string }
		}
		if _, err := r.scim(ctx, w.push, http.MethodGet, "Groups/"+w.ids[team(t)], nil, &group); err != nil {
			return nil, err
		}
		var l list
		for _, m := range group.Members {
			l.Nodes = append(l.Nodes, node{ID: m.Value})
		}
		out = append(out, w.linksOf(team(t), l)...)
	}
	for _, id := range people {
		var user struct {
			DisplayName string
			Active      bool
		}
		_, err := r.scim(ctx, w.push, http.MethodGet, "Users/"+id, nil, &user)
		refused := (*refusal)(nil)
		switch {
		case errors.As(err, &refused) && refused.status == http.StatusNotFound:
			out = append(out, history.Observation{Register: person(id), Value: "DELETED"})
		case err != nil:
			return nil, err
		default:
			out = append(out, history.Observation{Register: person(id), Value: someone{display: user.DisplayName, active: user.Active}.value()})
		}
	}
	return out, nil
}

// rowsEnd reads the tables.
func (w *world) rowsEnd(ctx context.Context, people []string) ([]history.Observation, error) {
	lists := map[string]*list{}
	rows, err := w.db.QueryContext(ctx, `SELECT c.name, m.uid::text FROM link l
		JOIN identity c ON c.id = l.container_id JOIN identity m ON m.id = l.member_id WHERE l.kind = 'member'`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var container string
		var n node
		if err := rows.Scan(&container, &n.ID); err != nil {
			return nil, err
		}
		if lists[container] == nil {
			lists[container] = &list{}
		}
		lists[container].Nodes = append(lists[container].Nodes, n)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	var out []history.Observation
	containers := []string{roleName}
	for t := range teams {
		containers = append(containers, team(t))
	}
	for _, c := range containers {
		if lists[c] == nil {
			lists[c] = &list{}
		}
		out = append(out, w.linksOf(c, *lists[c])...)
	}
	for _, id := range people {
		var status, display string
		if err := w.db.QueryRowContext(ctx, `SELECT status, display_name FROM identity WHERE uid = $1`, id).Scan(&status, &display); err != nil {
			return nil, err
		}
		out = append(out, history.Observation{Register: person(id), Value: personState(status, display)})
	}
	return out, nil
}

// judge tells what was wrong.
func (w *world) judge(final []*history.Read) error {
	checker := history.New(staleness, w.writes)
	observations, behind := 0, 0
	faults := map[history.Fault]int{}
	for _, read := range append(w.reads, final...) {
		observations += len(read.Observations)
		if read.AtLeast != nil {
			behind++
		}
		for _, v := range checker.Check(read) {
			if faults[v.Fault]++; faults[v.Fault] <= 5 {
				fmt.Println(v)
			}
		}
	}
	disagreements := disagree(final)
	for _, d := range disagreements {
		fmt.Println(d)
	}
	for _, problem := range w.problems {
		fmt.Println(problem)
	}
	fmt.Printf("checker: %d writes, %d answers (%d of them at a revision) with %d observations of %d registers; %d requests were told to try again\n",
		w.wrote, w.asked, behind, observations, len(checker.Registers()), w.busy)
	fmt.Printf("checker: %d stale, %d of states that never were, %d lost writes, %d disagreements in the end, %d other failures\n",
		faults[history.Stale], faults[history.NeverWas], faults[history.Lost], len(disagreements), w.mistaken)
	if len(faults) > 0 || len(disagreements) > 0 || w.mistaken > 0 {
		return errors.New("the checker found violations")
	}
	if w.busy*100 > w.wrote+w.asked {
		return errors.New("more than one request in a hundred was told to try again")
	}
	return nil
}

// disagree lists the registers that do not read the same everywhere in the end.
func disagree(final []*history.Read) []string {
	said := map[string]string{}
	var out []string
	for _, read := range final {
		for _, o := range read.Observations {
			if other, ok := said[o.Register]; ok && other != o.Value {
				out = append(out, fmt.Sprintf("in the end %s is %q in one place, and %q in %s", o.Register, other, o.Value, read.What))
			}
			said[o.Register] = o.Value
		}
	}
	return out
}
