package scim

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// note is what a request, or an operation of a bulk request, tells about itself for the provisioning log on its way.
type note struct {
	begun        time.Time
	resourceType string
	id           uuid.UUID
	externalID   *string
	// wrote says that a change was committed, changed that it changed anything.
	wrote, changed bool
	unknown        []string
}

// about notes which resource is concerned; a text that is no id of ours is left out.
func (n *note) about(resourceType, id string) {
	n.resourceType = resourceType
	n.id, _ = parseID(id)
}

// sent notes the externalId of a resource that a client sent, before anything in it is checked.
func (n *note) sent(resource map[string]any) {
	if text, ok := schema.Member(resource, "externalId").(string); ok {
		n.externalID = &text
	}
}

// found notes the resource that is there.
func (n *note) found(r *directory.Record) {
	n.id = r.UID
	if n.externalID == nil {
		n.externalID = r.ExternalID
	}
}

// committed notes what a change set came to.
func (n *note) committed(c directory.Changes, result *directory.Result) {
	n.wrote = true
	n.changed = n.changed || len(c.Put)+len(c.Delete)+len(c.Managers)+result.Linked+result.Unlinked > 0
	for _, r := range result.Records {
		if r != nil {
			n.found(r)
		}
	}
}

// record hands the event of a request, or of an operation of a bulk request, to the provisioning log.
func (rq *request) record(method string, status int, failure error) {
	n := &rq.note
	e := directory.ProvisioningEvent{
		At: n.begun, Duration: time.Since(n.begun), Method: knownMethod(method), ExternalID: n.externalID,
		RequestID: rq.id, UnknownMembers: len(n.unknown), FirstUnknown: n.unknown, Outcome: n.outcome(method),
	}
	switch {
	case rq.instance != nil:
		e.InstanceID = rq.instance.ID
	case rq.principal != nil && rq.principal.Instance != nil:
		e.InstanceID = rq.principal.Instance.ID
	default:
		e.URLToken = urlToken(rq.r.URL.Path)
	}
	if n.resourceType != "" {
		e.ResourceType = &n.resourceType
	}
	if n.id != uuid.Nil {
		e.ResourceID = &n.id
	}
	if failure != nil {
		status = rq.blame(&e, failure)
	}
	if status != 0 {
		e.Status = &status
	}
	rq.cfg.Events.Record(e)
}

// recordUnperformed is record for an operation of a bulk request that it did not come to.
func (rq *request) recordUnperformed(op *operation, failure error) {
	inner := *rq
	inner.note = note{begun: time.Now()}
	if rt := rq.registry.ByEndpoint(op.endpoint); rt != nil {
		inner.note.about(rt.Name, op.id)
	}
	if object, ok := op.data.(map[string]any); ok {
		inner.note.sent(object)
	}
	inner.record(op.method, 0, failure)
}

// outcome is what became of a request that did not fail.
func (n *note) outcome(method string) directory.ProvisioningOutcome {
	switch {
	case method == http.MethodGet, method == http.MethodHead, n.resourceType == "", method == http.MethodPost && !n.wrote:
		return directory.ProvisioningRead
	case method == http.MethodPost:
		return directory.ProvisioningCreated
	case method == http.MethodDelete:
		return directory.ProvisioningDeleted
	case n.changed:
		return directory.ProvisioningUpdated
	}
	return directory.ProvisioningUnchanged
}

// blame puts a failure into an event, and returns its status: 0 where the client did not wait to be told.
func (rq *request) blame(e *directory.ProvisioningEvent, failure error) int {
	e.Outcome = directory.ProvisioningFailed
	if errors.Is(failure, context.Canceled) && rq.ctx().Err() != nil {
		message := "The client closed the connection before it was answered."
		e.Message = &message
		return 0
	}
	p := problemOf(failure, rq.id)
	if p.status < http.StatusInternalServerError {
		e.Outcome = directory.ProvisioningRefused
	}
	if p.scimType != "" {
		e.SCIMType = &p.scimType
	}
	e.Message = &p.detail
	return p.status
}

// knownMethod is the method, or OTHER where it is none that SCIM uses: clients must not invent figures.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return method
	}
	return "OTHER"
}

// urlToken is the token in an address such as /tokens/{token}/Users, empty where it has none.
func urlToken(path string) string {
	rest, ok := strings.CutPrefix(path, "/tokens/")
	token, _, _ := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return token
}
