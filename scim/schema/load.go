package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"unicode/utf8"
)

// maxFile bounds a file of definitions, in bytes.
const maxFile = 4 << 20

const (
	schemaURN       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	resourceTypeURN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// Load returns the built-in registry with what the JSON files of a folder add to it: schemas (RFC 7643 section 7) and
// resource types (section 6), one, a list, or a ListResponse of them a file. A resource type of the id User or Group
// adds its extensions to the built-in one. Other files are ignored. An error is one line: the file, the place in it,
// what is wrong and what to do.
func Load(files fs.FS) (*Registry, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(files, "."); err != nil {
		return nil, errors.New("there is no such folder")
	}
	if len(names) == 0 {
		return nil, errors.New("the folder has no file whose name ends in .json")
	}
	l := &loader{registry: parseBuiltIn(), file: map[any]string{}}
	for _, name := range names {
		if err := l.read(files, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := l.finish(); err != nil {
		return nil, err
	}
	return l.registry, nil
}

// loader gathers definitions. Resource types wait until all schemas are known, which may stand in files that come later.
type loader struct {
	registry *Registry
	schemas  []*Schema
	types    []*ResourceType
	// file is where a definition, a *Schema or a *ResourceType, comes from.
	file map[any]string
}

func (l *loader) read(files fs.FS, name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err
		}
		return fmt.Errorf("it cannot be read: %w", err)
	}
	if len(text) > maxFile || !utf8.Valid(text) {
		return fmt.Errorf("it is larger than %d bytes or not in UTF-8", maxFile)
	}
	definitions, err := split(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	if err != nil {
		return err
	}
	for i, d := range definitions {
		if err := l.define(name, d); err != nil {
			if len(definitions) > 1 {
				return fmt.Errorf("definition %d: %w", i+1, err)
			}
			return err
		}
	}
	return nil
}

// split takes the definitions out of a file.
func split(text []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) {
		err := decode(text, &list)
		return list, err
	}
	var response struct{ Resources *[]json.RawMessage }
	if err := decode(text, &response); err != nil {
		return nil, err
	}
	if response.Resources != nil {
		return *response.Resources, nil
	}
	return []json.RawMessage{text}, nil
}

// decode reads JSON and says in which line a mistake is.
func decode(text []byte, into any) error {
	err := json.Unmarshal(text, into)
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		line := 1 + bytes.Count(text[:min(int(syntax.Offset), len(text))], []byte("\n"))
		return fmt.Errorf("line %d: this is no JSON: %w", line, err)
	}
	if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
		return fmt.Errorf("an object, or a list of objects, belongs where there is a %s", kind.Value)
	}
	return err
}

// define takes one definition.
func (l *loader) define(file string, text json.RawMessage) error {
	var kind struct {
		Schemas          []string        `json:"schemas"`
		Endpoint         json.RawMessage `json:"endpoint"`
		SchemaExtensions json.RawMessage `json:"schemaExtensions"`
		Attributes       json.RawMessage `json:"attributes"`
	}
	if err := decode(text, &kind); err != nil {
		return err
	}
	switch {
	case kind.Endpoint != nil || kind.SchemaExtensions != nil || lists(kind.Schemas, resourceTypeURN):
		d := struct {
			about
			*ResourceType
		}{ResourceType: &ResourceType{}}
		if err := strictly(text, &d); err != nil {
			return err
		}
		return l.resourceType(file, d.ResourceType)
	case kind.Attributes != nil || lists(kind.Schemas, schemaURN):
		d := struct {
			about
			*Schema
		}{Schema: &Schema{}}
		if err := strictly(text, &d); err != nil {
			return err
		}
		return l.schema(file, d.Schema)
	}
	return errors.New("this is neither a Schema, which has attributes, nor a ResourceType, which has an endpoint")
}

// about is what every resource has beside its definition; nothing of it is kept.
type about struct {
	Schemas json.RawMessage `json:"schemas"`
	Meta    json.RawMessage `json:"meta"`
}

func lists(urns []string, urn string) bool {
	for _, u := range urns {
		if strings.EqualFold(u, urn) {
			return true
		}
	}
	return false
}

// strictly decodes a definition, and refuses members that there are none of: a characteristic that is misspelt would be
// silently another one.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
		return fmt.Errorf("%s cannot be a %s", printable(kind.Field[strings.LastIndexByte(kind.Field, '.')+1:]), kind.Value)
	}
	if err != nil {
		return fmt.Errorf("%s; remove it or spell it as RFC 7643 does", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

func (l *loader) schema(file string, s *Schema) error {
	if err := l.checkSchema(s); err != nil {
		return err
	}
	l.file[s] = file
	l.schemas = append(l.schemas, s)
	l.registry.Schemas = append(l.registry.Schemas, s)
	return nil
}

func (l *loader) resourceType(file string, rt *ResourceType) error {
	if err := l.checkResourceType(rt); err != nil {
		return err
	}
	l.file[rt] = file
	l.types = append(l.types, rt)
	return nil
}

// finish ties the resource types to their schemas.
func (l *loader) finish() error {
	for _, given := range l.types {
		at := l.file[given] + ": resource type " + given.ID
		if err := l.checkUses(given); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		rt := l.registry.ResourceType(given.ID)
		if rt == nil {
			rt = given
			l.registry.ResourceTypes = append(l.registry.ResourceTypes, rt)
		} else {
			rt.extend(given.SchemaExtensions)
		}
		if err := rt.link(l.registry); err != nil {
			return fmt.Errorf("%s: %w; add its file to the folder or correct the URN", at, err)
		}
	}
	for _, s := range l.schemas {
		if err := l.checkReferences(s.ID+":", s.Attributes); err != nil {
			return fmt.Errorf("%s: %w", l.file[s], err)
		}
		if !l.used(s) {
			return fmt.Errorf("%s: %s: no resource type uses this schema; name it in the schemaExtensions of one, or as the schema of a new one", l.file[s], s.ID)
		}
	}
	return nil
}

// extend adds extensions, or says anew whether one is required.
func (rt *ResourceType) extend(uses []ExtensionUse) {
	for _, use := range uses {
		known := false
		for i := range rt.SchemaExtensions {
			if strings.EqualFold(rt.SchemaExtensions[i].Schema, use.Schema) {
				rt.SchemaExtensions[i].Required = use.Required
				known = true
			}
		}
		if !known {
			rt.SchemaExtensions = append(rt.SchemaExtensions, use)
		}
	}
}

func (l *loader) used(s *Schema) bool {
	for _, rt := range l.registry.ResourceTypes {
		if rt.Core == s || rt.Extension(s.ID) != nil {
			return true
		}
	}
	return false
}
