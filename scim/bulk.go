package scim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

const (
	bulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	// maxOperations is how many operations one bulk request may have.
	maxOperations = 1000
	// bulkReserve is the part of a request's time that is kept for the answer: a client that is told what was carried
	// out can send the rest again.
	bulkReserve = 500 * time.Millisecond
)

// operation is one operation of a bulk request, which becomes a request of its own.
type operation struct {
	method, bulkID, version string
	// endpoint and id are the parts of the path; the id is empty where the path is that of all resources.
	endpoint, id string
	data         any
	// wrong is why the operation cannot be carried out at all.
	wrong error
	// performed says that it was carried out, so that the provisioning log knows about it.
	performed bool

	// needs are the operations that create what this one refers to; waiting counts those that are not settled.
	needs   []int
	waiting int
	// settled says that the operations that need this one can go on: created is the id of its resource then, empty if
	// it failed.
	settled bool
	created string
	// unfinished are the parts of the resource that are still to be added to it, and begun is the answer so far.
	unfinished map[string]any
	begun      *answer

	// done has what the client is told; nil where it was not come to.
	done map[string]any
}

// bulk answers POST on /Bulk (RFC 7644 section 3.7). Every operation is carried out as the request that it stands for
// would be, in a transaction of its own, and fails for itself.
func (rq *request) bulk() (*answer, error) {
	if rq.r.Method != http.MethodPost {
		return nil, notAllowed("POST")
	}
	body, err := rq.object()
	if err != nil {
		return nil, err
	}
	failOnErrors, err := failOnErrors(schema.Member(body, "failOnErrors"))
	if err != nil {
		return nil, err
	}
	list, ok := schema.Member(body, "Operations").([]any)
	if !ok || len(list) == 0 {
		return nil, badInput(patch.InvalidSyntax, "The body has no list of Operations, or an empty one.")
	}
	if len(list) > maxOperations {
		return nil, &problem{
			status: http.StatusRequestEntityTooLarge,
			detail: "The request has " + strconv.Itoa(len(list)) + " operations; one bulk request takes at most " + strconv.Itoa(maxOperations) + ".",
		}
	}
	if err := rq.spend(len(list)); err != nil {
		return nil, err
	}
	job := rq.newBulkJob(list, failOnErrors)
	job.run()
	answers := make([]map[string]any, 0, len(job.ops))
	for _, op := range job.ops {
		if op.done != nil {
			answers = append(answers, op.done)
		}
	}
	return &answer{status: http.StatusOK, body: encode(map[string]any{"schemas": []string{bulkResponseURN}, "Operations": answers})}, nil
}

// failOnErrors reads how many operations may fail before the rest is left alone; 0 is any number.
func failOnErrors(given any) (int, error) {
	if given == nil {
		return 0, nil
	}
	number, _ := given.(json.Number)
	n, err := strconv.Atoi(number.String())
	if err != nil || n < 0 {
		return 0, badInput(patch.InvalidValue, "failOnErrors must be a whole number from 1.")
	}
	return n, nil
}

// readOperation takes an element of Operations apart.
func (rq *request) readOperation(element any) *operation {
	object, _ := element.(map[string]any)
	text := func(name string) string {
		s, _ := schema.Member(object, name).(string)
		return s
	}
	op := &operation{method: strings.ToUpper(text("method")), bulkID: text("bulkId"), version: text("version"), data: schema.Member(object, "data")}
	op.endpoint, op.id, _ = strings.Cut(rq.relative(text("path")), "/")
	_, hasObject := op.data.(map[string]any)
	switch op.method {
	case http.MethodDelete:
		op.data = nil
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		if !hasObject {
			op.wrong = badInput(patch.InvalidSyntax, "The data of a %s operation must be an object.", op.method)
		}
	default:
		op.wrong = badInput(patch.InvalidSyntax, "The method of an operation must be POST, PUT, PATCH or DELETE.")
	}
	if op.endpoint == "" {
		op.wrong = badInput(patch.InvalidSyntax, "The operation has no path.")
	}
	return op
}

// relative is the path of an operation without the base address, which clients may write out.
func (rq *request) relative(path string) string {
	path = strings.TrimPrefix(path, rq.base)
	if base, err := url.Parse(rq.base); err == nil {
		path = strings.TrimPrefix(path, base.EscapedPath())
	}
	return strings.TrimPrefix(strings.Trim(path, "/"), "scim/v2/")
}

// inTime refuses to begin what may not come to its end before the request's time is over.
func (rq *request) inTime() error {
	if deadline, bounded := rq.ctx().Deadline(); bounded && time.Until(deadline) < bulkReserve {
		return &directory.Error{
			Code:    directory.CodeUnavailable,
			Message: "The time of the bulk request was over before this operation was begun. Send it again, with fewer operations in one request.",
		}
	}
	return rq.ctx().Err()
}

// perform carries out a request on an endpoint, or on one of its resources, by the code that serves single ones.
func (rq *request) perform(method, endpoint, id, version string, data any, query query) (*answer, error) {
	inner := *rq
	inner.r = rq.r.WithContext(rq.ctx())
	inner.r.Method, inner.r.Header = method, http.Header{}
	if version != "" {
		inner.r.Header.Set("If-Match", version)
	}
	inner.given, _ = data.(map[string]any)
	inner.query, inner.note = query, note{begun: time.Now()}
	out, err := inner.safely(func() (*answer, error) {
		rt := rq.registry.ByEndpoint(endpoint)
		if rt == nil {
			return nil, notFound()
		}
		inner.note.about(rt.Name, id)
		if id == "" {
			return inner.onAll(inner.collections[rt.ID])
		}
		return inner.onOne(inner.collections[rt.ID], id)
	})
	status := 0
	if err == nil {
		status = out.status
	}
	inner.record(method, status, err)
	return out, err
}

// report says what became of an operation (RFC 7644 section 3.7.3).
func (rq *request) report(op *operation, out *answer, err error) map[string]any {
	told := map[string]any{"method": op.method}
	if op.bulkID != "" {
		told["bulkId"] = op.bulkID
	}
	if rt := rq.registry.ByEndpoint(op.endpoint); rt != nil && op.id != "" && !strings.HasPrefix(op.id, referencePrefix) {
		told["location"] = rq.base + rt.Endpoint + "/" + op.id
	}
	if err != nil {
		p := problemOf(err, rq.id)
		if op.performed { // else it is no failure of ours, and there may be a thousand of them
			p = rq.problem(err)
		}
		told["status"], told["response"] = strconv.Itoa(p.status), p.body()
		return told
	}
	told["status"] = strconv.Itoa(out.status)
	if out.location != "" {
		told["location"] = out.location
	}
	if out.etag != "" {
		told["version"] = out.etag
	}
	return told
}
