package syncer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

const (
	// applyAtOnce is how many identities the directory changes in one transaction.
	applyAtOnce = 200
	// maxPasses bounds how often the rest of a plan is tried: a name may have to be given up before another takes it.
	maxPasses = 4
)

// failed is a step that the directory refused.
type failed struct {
	step Step
	err  *directory.Error
}

// apply applies the plan: additions before removals. What was refused because a name is taken is tried again once the
// rest is applied, which may free it.
func (r *round) apply(ctx context.Context, size PlanSize) error {
	for pass := 1; ; pass++ {
		refused, err := r.pass(ctx, size, pass > 1)
		if err != nil {
			return err
		}
		taken := slices.ContainsFunc(refused, func(f failed) bool { return directory.HasReason(f.err, directory.ReasonUniqueness) })
		if !taken || pass == maxPasses {
			return r.note(ctx, refused)
		}
		if size, err = r.s.store.Plan(ctx, r.c.Lease); err != nil {
			return err
		}
		if pass > 1 && !progress(size, len(refused)) {
			return r.note(ctx, refused)
		}
	}
}

// progress reports whether a plan holds more than what was refused.
func progress(size PlanSize, refused int) bool {
	n := size.Unlinked
	for _, count := range size.Actions {
		n += count
	}
	return n > refused
}

// pass applies what there is of the plan. Again, who is disabled comes with the others: their new names may be held by each other.
func (r *round) pass(ctx context.Context, size PlanSize, again bool) ([]failed, error) {
	store, l := r.s.store, r.c.Lease
	atOnce := r.s.cfg.ChunksAtOnce
	switch {
	case atOnce > 0:
	case size.Alone:
		atOnce = 2
	default:
		atOnce = 1
	}
	err := r.chunks(ctx, atOnce, 0, size.Simple, func(ctx context.Context, after, upTo int64) error {
		return store.CreateSimple(ctx, l, after, upTo)
	})
	if err != nil {
		return nil, err
	}
	first := []Action{Create, Enable, Rename, Update}
	if again {
		first = append(first, Disable)
	}
	refused, err := r.change(ctx, first...)
	if err != nil {
		return nil, err
	}
	links := size.LinkSteps
	if size.Actions[Create] > 0 {
		if links, err = store.PlanLinks(ctx, l); err != nil {
			return nil, err
		}
	}
	for _, step := range []struct {
		remove      bool
		after, upTo int64
	}{{false, 0, links.Made}, {true, links.Made, links.Removed}} {
		err := r.chunks(ctx, atOnce, step.after, step.upTo, func(ctx context.Context, after, upTo int64) error {
			return store.Relink(ctx, l, step.remove, after, upTo)
		})
		if err != nil {
			return nil, err
		}
	}
	if err := store.KeepPending(ctx, l); err != nil {
		return nil, err
	}
	more, err := r.change(ctx, Disable, Delete)
	return append(refused, more...), err
}

// chunks runs a step over the numbers after one up to another, a chunk in one transaction and some chunks at once. Those
// are far from each other: neighbours may change the same group, and would wait for each other.
func (r *round) chunks(ctx context.Context, atOnce int, after, upTo int64, step func(ctx context.Context, after, upTo int64) error) error {
	work, working := errgroup.WithContext(ctx)
	work.SetLimit(atOnce)
	chunk := r.s.cfg.Chunk
	part := (upTo - after + int64(atOnce)*chunk - 1) / (int64(atOnce) * chunk) * chunk
	for at := int64(0); at < part; at += chunk {
		for from := after + at; from < upTo && working.Err() == nil; from += part {
			work.Go(func() error {
				defer r.s.people.Wake()
				return step(working, from, min(from+chunk, upTo))
			})
		}
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// change has the directory carry out the steps of some actions.
func (r *round) change(ctx context.Context, actions ...Action) (refused []failed, err error) {
	for after := int64(0); ; {
		steps, err := r.s.store.Steps(ctx, r.c.Lease, actions, after, applyAtOnce)
		if err != nil || len(steps) == 0 {
			return refused, err
		}
		after = steps[len(steps)-1].N
		bad, err := r.commit(ctx, steps)
		if err != nil {
			return refused, err
		}
		refused = append(refused, bad...)
		done := slices.DeleteFunc(slices.Clone(steps), func(s Step) bool {
			return s.Action == Delete || slices.ContainsFunc(bad, func(f failed) bool { return f.step.N == s.N })
		})
		if err := r.s.store.Mark(ctx, r.c.Lease, done); err != nil {
			return refused, err
		}
	}
}

// commit applies steps in one change set. Where the store refuses it whole for one of them, they are tried one by one.
func (r *round) commit(ctx context.Context, steps []Step) ([]failed, error) {
	changes, of, err := r.changes(ctx, steps)
	if err != nil {
		return nil, err
	}
	if len(changes.Put)+len(changes.Delete) == 0 {
		return nil, nil
	}
	result, err := r.s.people.Apply(ctx, changes)
	switch {
	case err == nil:
		var refused []failed
		for _, f := range result.Failures {
			refused = append(refused, failed{step: of[f.Index], err: f.Err})
		}
		return refused, nil
	case errors.Is(err, ErrLost), directory.HasCode(err, directory.CodeUnavailable), directory.HasCode(err, directory.CodeInternal), !isDomain(err):
		return nil, err
	case len(steps) == 1:
		return []failed{{step: steps[0], err: directory.AsError(err)}}, nil
	}
	var refused []failed
	for _, step := range steps {
		bad, err := r.commit(ctx, []Step{step})
		if err != nil {
			return nil, err
		}
		refused = append(refused, bad...)
	}
	return refused, nil
}

func isDomain(err error) bool {
	var e *directory.Error
	return errors.As(err, &e)
}

// changes makes the change set of steps, and says which step each put is of. Who is gone already is left out.
func (r *round) changes(ctx context.Context, steps []Step) (directory.Changes, []Step, error) {
	c := directory.Changes{
		Instance: r.instance, Partial: true, Action: "sync.apply",
		Fence: &directory.Fence{Run: r.c.Lease.Run, Number: r.c.Lease.Fence, UID: r.c.Run.UID},
	}
	records, err := r.records(ctx, steps)
	if err != nil {
		return c, nil, err
	}
	var of []Step
	for _, step := range steps {
		known := records[IdentityRef{step.Kind, step.Key}]
		switch {
		case step.Action == Delete:
			if known != nil {
				c.Delete = append(c.Delete, directory.Delete{UID: known.UID, Reason: deletionReason(step.Removal)})
			}
		case step.Removal == connector.Soft:
			if known != nil {
				put := putOfRecord(known)
				put.Status, put.StatusReason = directory.StatusDisabled, optional(softlyRemoved)
				c.Put, of = append(c.Put, put), append(of, step)
			}
		case step.Record != nil:
			put := putOfRecord(step.Record)
			if put.UID = uuid.Nil; known != nil {
				put.UID = known.UID
			}
			c.Put, of = append(c.Put, put), append(of, step)
		}
	}
	return c, of, nil
}

// records finds the identities that steps change, by their keys.
func (r *round) records(ctx context.Context, steps []Step) (map[IdentityRef]*directory.Record, error) {
	keys := make([]IdentityRef, len(steps))
	for i, step := range steps {
		keys[i] = IdentityRef{step.Kind, step.Key}
	}
	return r.stored(ctx, keys)
}

// softlyRemoved is the reason of identities that are disabled because they were removed softly.
const softlyRemoved = "deleted at the source, where it can be restored"

func deletionReason(removal connector.Removal) string {
	if removal == connector.Gone {
		return "deleted at the source"
	}
	return "no longer at the source"
}

// putOfRecord asks for a row as it is.
func putOfRecord(r *directory.Record) directory.Put {
	return directory.Put{
		UID: r.UID, Kind: r.Kind, ExternalID: r.ExternalID, Name: r.Name, DisplayName: r.DisplayName, Description: r.Description,
		Email: r.Email, Status: r.Status, StatusReason: r.StatusReason, Attrs: r.Attrs.Set(),
	}
}

// note lists what the directory refused, and what the source told without what is needed.
func (r *round) note(ctx context.Context, refused []failed) error {
	var failures []Failure
	for _, f := range refused {
		code := directory.InvalidValue
		if directory.HasReason(f.err, directory.ReasonUniqueness) {
			code = directory.DuplicateKey
			r.refused = append(r.refused, IdentityRef{f.step.Kind, f.step.Key})
		}
		failure := Failure{ExternalID: f.step.Key, Code: code, Message: f.err.Message}
		if f.step.Record != nil {
			failure.FQN = &f.step.Record.FQN
		}
		failures = append(failures, failure)
	}
	return r.s.store.NoteFailures(ctx, r.c.Lease, failures)
}

// keepPlan lists a plan line by line, and returns the hash that stands for exactly it: the SHA-256 of its lines and of
// the states that they lead to.
func (r *round) keepPlan(ctx context.Context) (string, error) {
	hash, n := sha256.New(), int64(0)
	write := func(line ...any) {
		text, _ := json.Marshal(line) // strings only
		hash.Write(append(text, '\n'))
	}
	if err := r.s.store.ForgetPlan(ctx, r.c.Lease); err != nil {
		return "", err
	}
	for kind, key := "", ""; ; {
		steps, err := r.s.store.AllSteps(ctx, r.c.Lease, kind, key, planAtOnce)
		if err != nil {
			return "", err
		}
		if len(steps) == 0 {
			break
		}
		last := steps[len(steps)-1]
		kind, key = string(last.Kind), last.Key
		records, err := r.records(ctx, steps)
		if err != nil {
			return "", err
		}
		lines := make([]PlannedChange, len(steps))
		for i, step := range steps {
			n++
			fqn, detail := describe(step, records[IdentityRef{step.Kind, step.Key}])
			lines[i] = PlannedChange{N: n, Action: step.Action, FQN: fqn, Detail: optional(detail)}
			write(step.Action, fqn, detail, step.Key, step.Digest)
		}
		if err := r.s.store.KeepPlan(ctx, r.c.Lease, lines); err != nil {
			return "", err
		}
	}
	if err := r.s.store.KeepPlannedLinks(ctx, r.c.Lease, n); err != nil {
		return "", err
	}
	for after := n; ; {
		lines, err := r.s.store.PlannedChanges(ctx, r.c.Lease.Run, after, planAtOnce)
		if err != nil {
			return "", err
		}
		if len(lines) == 0 {
			return hex.EncodeToString(hash.Sum(nil)), nil
		}
		for _, line := range lines {
			write(line.Action, line.FQN, line.Detail)
		}
		after = lines[len(lines)-1].N
	}
}

// planAtOnce is how many lines of a plan are looked at in one statement.
const planAtOnce = 1000

// describe says what a step changes.
func describe(step Step, known *directory.Record) (fqn, detail string) {
	switch {
	case known == nil && step.Record == nil:
		return step.Key, ""
	case known == nil:
		return step.Record.FQN, step.Record.DisplayName
	case step.Action == Rename:
		return known.FQN, "becomes " + step.Record.Name
	case step.Action == Delete:
		return known.FQN, deletionReason(step.Removal)
	case step.Record == nil:
		return known.FQN, softlyRemoved
	default:
		return known.FQN, strings.Join(directory.ChangedProperties(known, step.Record), ", ")
	}
}
