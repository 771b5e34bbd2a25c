package scimclient

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
)

// Resource is a SCIM resource as JSON has it.
type Resource = map[string]any

// Schema URNs (RFC 7643 section 4, RFC 7644 section 3.5.2).
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	GroupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	PatchSchema      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

// errNoID is the error of a service that breaks RFC 7643 section 3.1.
var errNoID = errors.New("SCIM answered with a resource without an id")

// Each calls do with every resource of an endpoint such as /Users, in pages. query holds more parameters, such as
// excludedAttributes; nil is none.
func (c *Client) Each(ctx context.Context, endpoint string, pageSize int, query url.Values, do func(Resource) error) error {
	asked := url.Values{}
	for name, values := range query {
		asked[name] = values
	}
	asked.Set("count", strconv.Itoa(pageSize))
	for next := 1; ; {
		asked.Set("startIndex", strconv.Itoa(next))
		var page struct {
			Total     int        `json:"totalResults"`
			Resources []Resource `json:"Resources"`
		}
		if err := c.Send(ctx, http.MethodGet, endpoint+"?"+asked.Encode(), nil, &page); err != nil {
			return err
		}
		for _, r := range page.Resources {
			if err := do(r); err != nil {
				return err
			}
		}
		next += len(page.Resources)
		if len(page.Resources) == 0 || next > page.Total {
			return nil
		}
	}
}

// Create makes a resource and returns its id.
func (c *Client) Create(ctx context.Context, endpoint string, body any) (string, error) {
	var made struct {
		ID string `json:"id"`
	}
	if err := c.Send(ctx, http.MethodPost, endpoint, body, &made); err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", errNoID
	}
	return made.ID, nil
}

// Operation is one of a PATCH (RFC 7644 section 3.5.2).
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

// Patch changes a resource.
func (c *Client) Patch(ctx context.Context, endpoint, id string, operations []Operation) error {
	body := map[string]any{"schemas": []string{PatchSchema}, "Operations": operations}
	return c.Send(ctx, http.MethodPatch, endpoint+"/"+url.PathEscape(id), body, nil)
}
