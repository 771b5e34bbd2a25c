package scim

import (
	"net/http"
	"strings"

	"github.com/roster-gateway/roster/scim/schema"
)

// discovery answers the endpoints that describe the service (RFC 7644 section 4).
func (rq *request) discovery(name string, rest []string) (*answer, error) {
	if rq.r.Method != http.MethodGet && rq.r.Method != http.MethodHead {
		return nil, notAllowed("GET, HEAD")
	}
	if _, filtered := rq.query["filter"]; filtered {
		return nil, &problem{status: http.StatusForbidden, detail: "This endpoint takes no filter."}
	}
	switch {
	case name == "serviceproviderconfig" && len(rest) == 0:
		return &answer{status: http.StatusOK, body: encode(rq.serviceProviderConfig())}, nil
	case name == "schemas":
		return described(rest, rq.registry.Schemas, func(s *schema.Schema) (string, any) {
			return s.ID, rq.schema(s)
		})
	case name == "resourcetypes":
		return described(rest, rq.registry.ResourceTypes, func(rt *schema.ResourceType) (string, any) {
			return rt.ID, rq.resourceType(rt)
		})
	}
	return nil, notFound()
}

// described answers with all of a list, or with the one whose id the rest of the address names.
func described[T any](rest []string, all []T, describe func(T) (id string, resource any)) (*answer, error) {
	for _, one := range all {
		id, resource := describe(one)
		if len(rest) == 1 && strings.EqualFold(rest[0], id) {
			return &answer{status: http.StatusOK, body: encode(resource)}, nil
		}
	}
	if len(rest) > 0 {
		return nil, notFound()
	}
	out := []byte(`{"Resources":[`)
	for i, one := range all {
		if i > 0 {
			out = append(out, ',')
		}
		_, resource := describe(one)
		out = append(out, encode(resource)...)
	}
	return endList(out, len(all), &page{total: len(all), start: 1}), nil
}

const coreURN = "urn:ietf:params:scim:schemas:core:2.0:"

func (rq *request) describedAt(kind, endpoint string) map[string]any {
	return map[string]any{"resourceType": kind, "location": rq.base + endpoint}
}

func (rq *request) schema(s *schema.Schema) map[string]any {
	return map[string]any{
		"schemas": []string{coreURN + "Schema"}, "id": s.ID, "name": s.Name, "description": s.Description,
		"attributes": s.Attributes, "meta": rq.describedAt("Schema", "/Schemas/"+s.ID),
	}
}

func (rq *request) resourceType(rt *schema.ResourceType) map[string]any {
	out := map[string]any{
		"schemas": []string{coreURN + "ResourceType"}, "id": rt.ID, "name": rt.Name, "description": rt.Description,
		"endpoint": rt.Endpoint, "schema": rt.Schema, "meta": rq.describedAt("ResourceType", "/ResourceTypes/"+rt.ID),
	}
	if len(rt.SchemaExtensions) > 0 {
		out["schemaExtensions"] = rt.SchemaExtensions
	}
	return out
}

// serviceProviderConfig says what is supported and the limits that are kept (RFC 7643 section 5, RFC 9865 section 4).
func (rq *request) serviceProviderConfig() map[string]any {
	supported := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	return map[string]any{
		"schemas":        []string{coreURN + "ServiceProviderConfig"},
		"patch":          supported(true),
		"bulk":           map[string]any{"supported": true, "maxOperations": maxOperations, "maxPayloadSize": rq.cfg.MaxBody},
		"filter":         map[string]any{"supported": true, "maxResults": maxCount},
		"changePassword": supported(false),
		"sort":           supported(true),
		"etag":           supported(true),
		"pagination": map[string]any{
			"cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": defaultCount, "maxPageSize": maxCount,
		},
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "Bearer token", "primary": true,
			"description": "An access token of the provider instance in the Authorization header.",
			"specUri":     "https://www.rfc-editor.org/info/rfc6750",
		}},
		"meta": rq.describedAt("ServiceProviderConfig", "/ServiceProviderConfig"),
	}
}
