package scim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

func suiteDiscovery(s *suite, r tested) {
	for _, address := range []string{"/ResourceTypes/" + r.name, "/Schemas/" + r.urn} {
		one := s.get(address).is(http.StatusOK)
		same(s.t, "location", publicURL+s.prefix+address, one.text("meta", "location"))
		list := s.get(address[:strings.LastIndex(address, "/")]).is(http.StatusOK)
		found := false
		for _, each := range list.at("Resources").([]any) {
			found = found || each.(map[string]any)["id"] == one.at("id")
		}
		if !found {
			s.t.Errorf("%s is not listed", address)
		}
		s.post(address, map[string]any{}).fails(http.StatusMethodNotAllowed, "")
		s.get(address+"-none").fails(http.StatusNotFound, "")
	}
	s.get("/Schemas?filter="+escaped(`id eq "x"`)).fails(http.StatusForbidden, "")
}

// suiteWhole writes all attributes at once, by POST and PUT, and reads them back; a PUT of what was read changes nothing.
func suiteWhole(s *suite, r tested) {
	at, body := s.create(r)
	got := s.get(at).is(http.StatusOK)
	s.holds(r, got, body)
	same(s.t, "echo", got.body, s.put(at, got.body).is(http.StatusOK).body)
	other := s.example(r)
	for _, p := range r.places {
		if p.Mutability == "immutable" {
			p.put(other, p.of(got))
		}
	}
	s.holds(r, s.put(at, other).is(http.StatusOK), other)
	s.holds(r, s.get(at).is(http.StatusOK), other)
	s.delete(at).is(http.StatusNoContent)
	s.get(at).fails(http.StatusNotFound, "")
	s.post(r.endpoint, other).is(http.StatusCreated)
}

// suitePatch adds, replaces and removes each attribute, and each sub-attribute, by its path.
func suitePatch(s *suite, r tested) {
	for _, p := range r.places {
		if p.Mutability == "immutable" {
			continue
		}
		at, _ := s.create(r)
		paths := []string{p.path()}
		if p.extension == "" {
			paths = append(paths, r.urn+":"+p.Name, strings.ToUpper(p.Name))
		}
		for _, path := range paths {
			s.patchAt(at, path, p, p.Required)
		}
		if p.MultiValued {
			continue
		}
		if value, ok := p.of(s.get(at)).(map[string]any); ok && value["value"] != nil && value["$ref"] != nil {
			s.operate(at, "add", p.path(), map[string]any{"$ref": value["$ref"]})
			same(s.t, "add $ref to "+p.path(), any(value), p.of(s.get(at)))
		}
		for _, sub := range p.SubAttributes {
			if sub.Mutability != "readWrite" || sub.Name == "$ref" || p.Name == "manager" {
				continue
			}
			for _, op := range []string{"add", "replace"} {
				value := s.value(sub)
				s.operate(at, op, p.path()+"."+sub.Name, value)
				same(s.t, op+" "+p.path()+"."+sub.Name, value, p.of(s.get(at)).(map[string]any)[sub.Name])
			}
			s.operate(at, "remove", p.path()+"."+sub.Name, nil)
			object, _ := p.of(s.get(at)).(map[string]any)
			same(s.t, "remove "+p.path()+"."+sub.Name, nil, object[sub.Name])
		}
	}
}

func (s *suite) operate(at, op, path string, value any) {
	s.t.Helper()
	operation := map[string]any{"op": op, "value": value}
	if path != "" {
		operation["path"] = path
	}
	if value == nil {
		delete(operation, "value")
	}
	text, err := json.Marshal(operation)
	if err != nil {
		s.t.Fatal(err)
	}
	if a := s.patch(at, string(text)); a.status != http.StatusNoContent {
		s.t.Errorf("%s: %d %s", text, a.status, a.raw)
	}
}

func (s *suite) patchAt(at, path string, p spot, required bool) {
	s.t.Helper()
	if !required {
		s.operate(at, "remove", path, nil)
		if p.Name != "active" { // the directory has a state for each user
			same(s.t, "remove "+path, nil, p.of(s.get(at)))
		}
	}
	for _, op := range []string{"add", "replace"} {
		value := s.filled(p.trait)
		s.operate(at, op, path, value)
		got := p.of(s.get(at))
		if list, many := got.([]any); many && op == "add" {
			got = list[len(list)-1:]
		}
		if p.shown() {
			same(s.t, op+" "+path, value, least(value, got))
		}
	}
}

// suitePathless writes each attribute by an operation whose value names it.
func suitePathless(s *suite, r tested) {
	at, _ := s.create(r)
	for _, p := range r.places {
		if p.Mutability == "immutable" || !p.shown() {
			continue
		}
		value := s.filled(p.trait)
		nested := map[string]any{}
		p.put(nested, value)
		s.operate(at, "replace", "", nested)
		same(s.t, "nested "+p.path(), value, least(value, p.of(s.get(at))))
		value = s.filled(p.trait)
		s.operate(at, "Replace", "", map[string]any{p.path(): value})
		same(s.t, "key "+p.path(), value, least(value, p.of(s.get(at))))
		if p.extension != "" {
			value = s.filled(p.trait)
			s.operate(at, "Add", p.extension, map[string]any{p.Name: value})
			same(s.t, "extension "+p.path(), value, least(value, p.of(s.get(at))))
		}
	}
	for _, p := range r.places {
		if p.extension != "" {
			s.operate(at, "remove", p.extension, nil)
			same(s.t, "removed extension", nil, s.get(at).at(p.extension))
		}
	}
}

// suiteEntraPatch writes as Entra ID does: single values as lists, booleans as texts, elements by the type.
func suiteEntraPatch(s *suite, r tested) {
	at, _ := s.create(r)
	for _, p := range r.places {
		switch {
		case p.Mutability == "immutable" || !p.shown():
		case p.Type == "boolean":
			s.operate(at, "Replace", p.path(), "False")
			same(s.t, p.path(), any(false), p.of(s.get(at)))
			s.operate(at, "Add", p.path(), "True")
			same(s.t, p.path(), any(true), p.of(s.get(at)))
		case !p.MultiValued && p.Type == "string":
			value := s.value(p.trait)
			s.operate(at, "Add", p.path(), []any{map[string]any{"$ref": nil, "value": value}})
			same(s.t, p.path(), value, p.of(s.get(at)))
		case p.MultiValued && p.Type == "complex" && p.Name != "members":
			s.entraElement(at, p)
		}
	}
}

func (s *suite) entraElement(at string, p spot) {
	var kinds []string
	for _, sub := range p.SubAttributes {
		if sub.Name == "type" {
			kinds = sub.CanonicalValues
		}
	}
	s.operate(at, "Remove", p.path(), nil)
	for _, kind := range kinds {
		for _, sub := range p.SubAttributes {
			if sub.Name == "type" || sub.Name == "primary" || sub.Mutability != "readWrite" {
				continue
			}
			for _, op := range []string{"Add", "Replace"} {
				path := fmt.Sprintf("%s[type eq %q].%s", p.path(), kind, sub.Name)
				value := s.value(sub)
				s.operate(at, op, path, value)
				elements, _ := p.of(s.get(at)).([]any)
				found := 0
				for _, e := range elements {
					if o := e.(map[string]any); o["type"] == kind && o[sub.Name] == value {
						found++
					}
				}
				same(s.t, op+" "+path, 1, found)
			}
		}
		s.operate(at, "Remove", fmt.Sprintf("%s[type eq %q]", p.path(), kind), nil)
	}
	same(s.t, "all removed "+p.path(), nil, p.of(s.get(at)))
}
