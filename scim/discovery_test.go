package scim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/scim/schema"
)

func TestServiceProviderConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.get("/ServiceProviderConfig").is(http.StatusOK)
	number := func(text string) any { return json.Number(text) }
	a.has(true, "patch", "supported").has(true, "filter", "supported").has(true, "etag", "supported").
		has(true, "bulk", "supported").has(true, "sort", "supported").has(true, "pagination", "cursor").has(true, "pagination", "index").has(false, "changePassword", "supported").
		has(number("1000"), "filter", "maxResults").has(number("1000"), "bulk", "maxOperations").has(number("65536"), "bulk", "maxPayloadSize").
		has("oauthbearertoken", "authenticationSchemes", 0, "type").has("ServiceProviderConfig", "meta", "resourceType")
	for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"} {
		if raw := w.get(path).is(http.StatusOK).raw; strings.Contains(raw, `""`) {
			t.Errorf("%s holds an empty text: %s", path, raw)
		}
		w.get(path+"?filter=name+eq+%22x%22").fails(http.StatusForbidden, "")
	}
}

// What the discovery endpoints send is described by the schemas that they send.
func TestDiscoveryDescribesItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.get("/Schemas").is(http.StatusOK)
	same(t, "schemas", []string{
		schema.UserURN, schema.GroupURN, enterprise, "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
		"urn:ietf:params:scim:schemas:core:2.0:ResourceType", "urn:ietf:params:scim:schemas:core:2.0:Schema",
	}, list.ids())
	for i, id := range list.ids() {
		one := w.get("/Schemas/" + strings.ToUpper(id)).is(http.StatusOK)
		same(t, id, list.at("Resources", i), any(one.body))
		one.has(publicURL+"/scim/v2/Schemas/"+id, "meta", "location")
	}
	same(t, "resource types", []string{"User", "Group"}, w.get("/ResourceTypes").ids())
	w.get("/ResourceTypes/user").is(http.StatusOK).has("/Users", "endpoint").has(enterprise, "schemaExtensions", 0, "schema").has(false, "schemaExtensions", 0, "required")
	w.get("/ResourceTypes/Group").is(http.StatusOK).has(nil, "schemaExtensions")
	for _, path := range []string{"/Schemas/urn:none", "/ResourceTypes/None", "/ServiceProviderConfig/x"} {
		w.get(path).fails(http.StatusNotFound, "")
	}
	described := func(urn string, a *answer) {
		for name, value := range a.body {
			if name == "schemas" || name == "meta" || name == "id" {
				continue
			}
			attribute := schema.Default().Schema(urn).Attribute(name)
			if attribute == nil {
				t.Errorf("%s is not in %s", name, urn)
				continue
			}
			if object, ok := value.(map[string]any); ok {
				for sub := range object {
					if attribute.Sub(sub) == nil {
						t.Errorf("%s.%s is not in %s", name, sub, urn)
					}
				}
			}
		}
	}
	described("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig", w.get("/ServiceProviderConfig"))
	described("urn:ietf:params:scim:schemas:core:2.0:ResourceType", w.get("/ResourceTypes/User"))
	described("urn:ietf:params:scim:schemas:core:2.0:Schema", w.get("/Schemas/"+schema.UserURN))
}
