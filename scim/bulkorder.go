package scim

import (
	"net/http"
	"path"
	"slices"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
)

// bulkJob is a bulk request on its way. Operations are carried out in their order, but for those that refer to a
// resource which a later one creates: they follow it. Resources that refer to each other in a circle are created
// without the references that close it, which are added as soon as there is something to refer to.
type bulkJob struct {
	rq  *request
	ops []*operation
	// creator is the operation that creates the resource of a bulkId, and waiters are the operations that need one.
	creator map[string]int
	waiters map[int][]int
	// next is how far the operations have been come to in their order.
	next int
	// failures counts the operations that failed; mostFailures ends the job, 0 is any number.
	failures, mostFailures int
}

func (rq *request) newBulkJob(list []any, mostFailures int) *bulkJob {
	j := &bulkJob{rq: rq, creator: map[string]int{}, waiters: map[int][]int{}, mostFailures: mostFailures}
	for i, element := range list {
		op := rq.readOperation(element)
		j.ops = append(j.ops, op)
		if op.method != http.MethodPost || op.bulkID == "" {
			continue
		}
		if first, twice := j.creator[op.bulkID]; twice {
			op.wrong = badInput(patch.InvalidValue, "The bulkId %q is given to two operations.", op.bulkID)
			j.ops[first].wrong = op.wrong
			continue
		}
		j.creator[op.bulkID] = i
	}
	for i, op := range j.ops {
		j.find(op)
		op.waiting = len(op.needs)
		for _, need := range op.needs {
			j.waiters[need] = append(j.waiters[need], i)
		}
	}
	return j
}

// find finds out which others an operation needs.
func (j *bulkJob) find(op *operation) {
	for _, id := range references([]any{op.id, op.data}) {
		creator, known := j.creator[id]
		switch {
		case op.wrong != nil:
		case !known:
			op.wrong = badInput(patch.InvalidValue, "No POST operation of this request has the bulkId %q.", id)
		case !slices.Contains(op.needs, creator):
			op.needs = append(op.needs, creator)
		}
	}
	if op.wrong != nil {
		op.needs = nil
	}
}

// run carries out the operations until all are done or too many have failed.
func (j *bulkJob) run() {
	for j.next = range j.ops {
		if j.ops[j.next].waiting == 0 {
			j.do(j.next)
		}
	}
	for i := range j.ops {
		for j.ops[i].waiting > 0 && !j.stopped() {
			j.breakCircle(i)
		}
	}
	for _, op := range j.ops {
		if op.unfinished != nil { // the job has stopped before the circle was closed
			j.undo(op)
		}
	}
}

func (j *bulkJob) stopped() bool { return j.mostFailures > 0 && j.failures >= j.mostFailures }

// do carries out an operation, or the rest of one, that waits for no other.
func (j *bulkJob) do(i int) {
	op := j.ops[i]
	switch {
	case j.stopped():
		return
	case op.unfinished != nil:
		j.finish(op)
	case op.wrong != nil:
		j.end(op, nil, op.wrong)
	default:
		j.attempt(op)
	}
	j.settle(i)
}

// settle lets the operations go on that waited for one, those before it in the order at once.
func (j *bulkJob) settle(i int) {
	if j.ops[i].settled {
		return
	}
	j.ops[i].settled = true
	for _, w := range j.waiters[i] {
		if j.ops[w].waiting--; j.ops[w].waiting == 0 && w <= j.next {
			j.do(w)
		}
	}
}

func (j *bulkJob) attempt(op *operation) {
	out, err := (*answer)(nil), j.rq.inTime()
	var resolved any
	if err == nil {
		resolved, err = j.resolve([]any{op.id, op.data})
	}
	if err == nil {
		parts := resolved.([]any)
		op.id = parts[0].(string)
		op.performed = true
		out, err = j.rq.perform(op.method, op.endpoint, op.id, op.version, parts[1], nil)
	}
	if err == nil && op.method == http.MethodPost {
		op.created = path.Base(out.location)
	}
	j.end(op, out, err)
}

func (j *bulkJob) end(op *operation, out *answer, err error) {
	if err != nil {
		j.failures++
		if !op.performed {
			j.rq.recordUnperformed(op, err)
		}
	}
	op.done = j.rq.report(op, out, err)
}

// breakCircle creates a resource of a circle that an operation waits for, without the references that are open.
func (j *bulkJob) breakCircle(i int) {
	for seen := map[int]bool{}; !seen[i]; {
		seen[i] = true
		open := func(need int) bool { return !j.ops[need].settled }
		i = j.ops[i].needs[slices.IndexFunc(j.ops[i].needs, open)]
	}
	op := j.ops[i]
	now, later := j.split(op.data.(map[string]any))
	out, err := (*answer)(nil), j.rq.inTime()
	var resolved any
	if err == nil {
		resolved, err = j.resolve(now)
	}
	if err == nil {
		op.performed = true
		out, err = j.rq.perform(op.method, op.endpoint, op.id, "", resolved, nil)
	}
	if err != nil {
		op.waiting, op.wrong = 0, err
		j.do(i)
		return
	}
	op.created, op.unfinished, op.begun = path.Base(out.location), later, out
	j.settle(i)
}

// finish adds the references that close a circle. If that fails, nothing is left of the resource.
func (j *bulkJob) finish(op *operation) {
	out, err := (*answer)(nil), j.rq.inTime()
	var resolved any
	if err == nil {
		resolved, err = j.resolve(op.unfinished)
	}
	if err == nil {
		change := map[string]any{"Operations": []any{map[string]any{"op": "add", "value": resolved}}}
		// An answer with a body comes with the version.
		out, err = j.rq.perform(http.MethodPatch, op.endpoint, op.created, "", change, query{"attributes": "id"})
	}
	if err != nil {
		j.undo(op)
		j.end(op, nil, err)
		return
	}
	op.begun.etag, op.unfinished = out.etag, nil
	j.end(op, op.begun, nil)
}

// undo deletes a resource that cannot be finished.
func (j *bulkJob) undo(op *operation) {
	if _, err := j.rq.perform(http.MethodDelete, op.endpoint, op.created, "", nil, nil); err != nil {
		j.rq.cfg.Log.ErrorContext(j.rq.ctx(), "scim: bulk: a resource was left behind half made", "id", op.created, "error", err)
	}
	op.created, op.unfinished = "", nil
}

// reference returns the id that a bulkId stands for. One of an operation that failed stands for none.
func (j *bulkJob) reference(bulkID string) (string, error) {
	if op := j.ops[j.creator[bulkID]]; op.created != "" {
		return op.created, nil
	}
	return "", directory.Clash("", "", "The operation with the bulkId %q, which this one refers to, has failed.", bulkID)
}
