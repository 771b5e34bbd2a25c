package resolvers_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
)

// The viewer is the token, and the user whom it stands for.
func TestViewer(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	instance := g.instance(t, "HR", "")
	ana, err := g.directory.Apply(t.Context(), directory.Changes{Instance: instance, Action: "test", Put: []directory.Put{
		{New: true, Kind: directory.KindUser, Name: "ana", DisplayName: "Ana"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ends := time.Date(2200, 1, 2, 3, 4, 5, 0, time.UTC)
	const query = `{ viewer { name scopes expiresAt identity { fqn kind displayName } } }`
	scopes := []any{"READ"}
	for name, test := range map[string]struct {
		by   access.Principal
		want map[string]any
	}{
		"a program": {access.Principal{Name: "script"}, map[string]any{"name": "script", "scopes": scopes, "expiresAt": nil, "identity": nil}},
		"a user": {
			access.Principal{Name: "s-1 (https://id.example.com)", Identity: ana.Records[0].UID, ExpiresAt: &ends},
			map[string]any{
				"name": "s-1 (https://id.example.com)", "scopes": scopes, "expiresAt": "2200-01-02T03:04:05Z",
				"identity": map[string]any{"fqn": "HR:ana", "kind": "USER", "displayName": "Ana"},
			},
		},
	} {
		test.by.Scopes = []access.Scope{access.Read}
		if diff := cmp.Diff(map[string]any{"viewer": test.want}, g.data(t, &test.by, query, nil)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	// Without READ the viewer is told who it is, but reads nothing of the directory.
	without := &access.Principal{Name: "x", Scopes: []access.Scope{access.TokenAdmin}, Identity: ana.Records[0].UID}
	if got := g.code(t, without, query, nil); got != "FORBIDDEN" {
		t.Errorf("without READ: %s", got)
	}
}
