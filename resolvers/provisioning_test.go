package resolvers_test

import (
	"testing"
	"time"

	"github.com/roster-gateway/roster/directory"
)

func TestProvisioningLog(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.instance(t, "HR", "")
	instance, err := g.directory.Instance(t.Context(), "HR", "")
	if err != nil {
		t.Fatal(err)
	}
	id, created, refused := uid("ana"), 201, 409
	kind, external, scimType, message := "User", "x-ana", "uniqueness", "Another user has this userName."
	for i, e := range []directory.ProvisioningEvent{
		{Outcome: directory.ProvisioningCreated, Status: &created, ResourceType: &kind, ResourceID: &id, ExternalID: &external, Duration: 2700 * time.Microsecond},
		{Outcome: directory.ProvisioningRefused, Status: &refused, ResourceType: &kind, SCIMType: &scimType, Message: &message},
		{Outcome: directory.ProvisioningFailed, UnknownMembers: 2, FirstUnknown: []string{"a", "b"}},
	} {
		e.At, e.InstanceID, e.Method, e.RequestID = time.Now().Add(time.Duration(i)*time.Second), instance.ID, "POST", "request"
		g.provisioning.Record(e)
	}
	g.provisioning.Flush(t.Context())
	const fields = ` nodes { at instance { name provider { name } } method resourceType resourceId externalId outcome status scimType message
		durationMs requestId unknownMembers firstUnknown } pageInfo { hasNextPage hasPreviousPage endCursor } } }`
	g.tell(t, "provisioning_log", []step{
		{"all", `{ provisioningLog {` + fields, nil},
		{"a page", `{ provisioningLog(first: 1) {` + fields, nil},
		{"by outcome", `{ provisioningLog(filter: {outcome: [REFUSED]}) { nodes { outcome } } }`, nil},
		{"by instance", `{ provisioningLog(filter: {provider: "hr", instance: ""}) { nodes { outcome } } }`, nil},
		{"by externalId", `{ provisioningLog(filter: {externalId: "x-ana", resourceType: "user"}) { nodes { outcome } } }`, nil},
		{"until long ago", `{ provisioningLog(filter: {until: "2000-01-01T00:00:00Z"}) { nodes { outcome } } }`, nil},
		{"instance without provider", `{ provisioningLog(filter: {instance: "EU"}) { nodes { outcome } } }`, nil},
		{"too many", `{ provisioningLog(first: 1001) { nodes { outcome } } }`, nil},
		{"a foreign cursor", `{ provisioningLog(after: "WyIxIiwidG9rZW5zIiwiNyJd") { nodes { outcome } } }`, nil},
	})
	if code := g.code(t, reader, `{ provisioningLog { nodes { outcome } } }`, nil); code != "FORBIDDEN" {
		t.Errorf("a reader gets %s", code)
	}
}
