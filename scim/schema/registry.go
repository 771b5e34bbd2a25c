package schema

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// The URNs of the built-in schemas (RFC 7643 section 8.7, section 4.3).
const (
	UserURN           = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN          = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseUserURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

//go:embed data
var builtIn embed.FS

// Registry is a set of schemas and of resource types that use them. It is not changed once it is made.
type Registry struct {
	Schemas       []*Schema
	ResourceTypes []*ResourceType

	common *Schema
}

// Default returns the built-in registry: User with the enterprise extension, and Group.
var Default = sync.OnceValue(parseBuiltIn)

func parseBuiltIn() *Registry {
	files, err := fs.Sub(builtIn, "data")
	if err != nil {
		panic(err)
	}
	r, err := Parse(files)
	if err != nil {
		panic(err) // the files are part of the program; a test parses them
	}
	return r
}

// schemaFiles lists the schemas in the order in which they are shown.
var schemaFiles = []string{
	"user.json", "group.json", "enterprise_user.json", "service_provider_config.json", "resource_type.json", "schema.json",
}

// Parse reads a registry from JSON files: the schemas in the form of RFC 7643 section 7, the attributes that all
// resources have (common.json, section 3.1) and the resource types (resource_types.json, section 6).
func Parse(files fs.FS) (*Registry, error) {
	r := &Registry{}
	r.common = &Schema{Name: "Common"}
	if err := read(files, "common.json", &r.common.Attributes); err != nil {
		return nil, err
	}
	if err := check(r.common); err != nil {
		return nil, err
	}
	for _, name := range schemaFiles {
		s := &Schema{}
		if err := read(files, name, s); err != nil {
			return nil, err
		}
		if err := check(s); err != nil {
			return nil, err
		}
		r.Schemas = append(r.Schemas, s)
	}
	if err := read(files, "resource_types.json", &r.ResourceTypes); err != nil {
		return nil, err
	}
	for _, rt := range r.ResourceTypes {
		if err := rt.link(r); err != nil {
			return nil, fmt.Errorf("resource type %s: %w", rt.ID, err)
		}
	}
	return r, nil
}

func read(files fs.FS, name string, into any) error {
	text, err := fs.ReadFile(files, path.Clean(name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// check completes a schema, and refuses definitions that the rest of the program could not work with.
func check(s *Schema) error {
	for _, a := range s.Attributes {
		a.complete()
	}
	return checkAttributes(s.ID+":", s.Attributes)
}

func checkAttributes(at string, attributes []*Attribute) error {
	seen := map[string]bool{}
	for _, a := range attributes {
		here := at + a.Name
		key := strings.ToLower(a.Name)
		if a.Name == "" || seen[key] {
			return fmt.Errorf("%s: the name is empty or used twice, also in another case; give every attribute a name of its own", here)
		}
		seen[key] = true
		if (a.Type == Complex) != (len(a.SubAttributes) > 0) {
			return fmt.Errorf("%s: a complex attribute, and no other, has subAttributes", here)
		}
		if err := checkAttributes(here+".", a.SubAttributes); err != nil {
			return err
		}
	}
	return nil
}

// Schema returns the schema of a URN in any case, nil where there is none.
func (r *Registry) Schema(urn string) *Schema {
	for _, s := range r.Schemas {
		if strings.EqualFold(s.ID, urn) {
			return s
		}
	}
	return nil
}

// ResourceType returns the resource type of an id in any case, nil where there is none.
func (r *Registry) ResourceType(id string) *ResourceType {
	for _, rt := range r.ResourceTypes {
		if strings.EqualFold(rt.ID, id) {
			return rt
		}
	}
	return nil
}

// ByEndpoint returns the resource type whose endpoint is a path segment in any case, nil where there is none.
func (r *Registry) ByEndpoint(segment string) *ResourceType {
	for _, rt := range r.ResourceTypes {
		if strings.EqualFold(strings.TrimPrefix(rt.Endpoint, "/"), segment) {
			return rt
		}
	}
	return nil
}
