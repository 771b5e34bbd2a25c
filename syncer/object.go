package syncer

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// object is what a source tells about one identity: SCIM attributes, whole or as a patch.
type object = map[string]any

// merge applies a merge patch (RFC 7396 section 2) to an object that may change. What the patch clears is gone.
func merge(target, patch object) object {
	if target == nil {
		target = object{}
	}
	for name, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(target, name)
		case map[string]any:
			sub, _ := target[name].(map[string]any)
			if sub = merge(maps.Clone(sub), value); len(sub) > 0 {
				target[name] = sub
			} else {
				delete(target, name)
			}
		default:
			target[name] = value
		}
	}
	return target
}

// clears reports whether a patch does more to an earlier one than to nothing.
func clears(patch object) bool {
	for _, value := range patch {
		switch value := value.(type) {
		case nil:
			return true
		case map[string]any:
			if clears(value) {
				return true
			}
		}
	}
	return false
}

// nameOf is the attribute that an identity of a kind is named by.
func nameOf(kind directory.IdentityKind) string {
	if kind == directory.KindUser {
		return "userName"
	}
	return "displayName"
}

// putOf is the state of the directory that an object asks for, by the attribute map of the instance. The attributes
// that it keeps lead back to the object, see [objectOf].
func putOf(r *rules, kind directory.IdentityKind, key string, o object) directory.Put {
	attrs := maps.Clone(o)
	p := directory.Put{Kind: kind, Name: text(o[nameOf(kind)]), Attrs: attrs}
	if key != "" {
		p.ExternalID = &key
	}
	delete(attrs, nameOf(kind))
	p.Description, p.Email = optional(text(o["description"])), optional(mainEmail(o["emails"]))
	if kind == directory.KindUser {
		p.DisplayName = text(o["displayName"])
	}
	for field, path := range r.mapped[kind] {
		switch value := at(o, path); field {
		case "displayName":
			p.DisplayName = value
		case "email":
			p.Email = optional(value)
		case "description":
			p.Description = optional(value)
		}
	}
	// A display name that is the user name is kept: it stays where the user name changes.
	if kind == directory.KindUser && p.DisplayName != p.Name {
		keep(attrs, "displayName", p.DisplayName)
	}
	keep(attrs, "description", deref(p.Description))
	if active, told := o["active"].(bool); told && !active {
		p.Status, p.StatusReason = directory.StatusDisabled, optional("disabled at the source")
	}
	return p
}

// keep leaves an attribute out where a column has it, and notes that there is none where the column has something else.
func keep(attrs object, name, column string) {
	switch value := attrs[name]; {
	case column != "" && value == column:
		delete(attrs, name)
	case column != "" && value == nil:
		attrs[name] = nil
	}
}

// objectOf is the object that a stored identity was made of.
func objectOf(r *directory.Record) object {
	o := object(r.Attrs.Set())
	restore := func(name, column string) {
		if value, kept := o[name]; !kept && column != "" {
			o[name] = column
		} else if kept && value == nil {
			delete(o, name)
		}
	}
	if r.Kind == directory.KindUser {
		// A display name that is the user name for want of another one is none.
		if _, kept := o["displayName"]; kept || r.DisplayName != r.Name {
			restore("displayName", r.DisplayName)
		}
	}
	restore("description", deref(r.Description))
	o[nameOf(r.Kind)] = r.Name
	return o
}

// digestOf tells two states of an identity apart: 128 bits of the SHA-256 of all that is stored of it.
func digestOf(r *directory.Record, scope bool) uuid.UUID {
	state, _ := json.Marshal([]any{r.Name, r.DisplayName, r.Description, r.Email, r.Status, r.StatusReason, r.Attrs.JSON(), scope})
	sum := sha256.Sum256(state)
	return uuid.UUID(sum[:16])
}

// text is a value as text, empty where it is none.
func text(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	}
	return ""
}

// at follows a path of names and dots; of several values it takes the primary, else the first.
func at(value any, path string) string {
	for name := range strings.SplitSeq(path, ".") {
		if several, ok := value.([]any); ok {
			value = primary(several)
		}
		inner, ok := value.(map[string]any)
		if !ok {
			return ""
		}
		value = inner[name]
	}
	if several, ok := value.([]any); ok {
		value = primary(several)
	}
	if inner, ok := value.(map[string]any); ok {
		value = inner["value"]
	}
	return text(value)
}

// primary is the value that is marked as primary, else the first (RFC 7643 section 2.4).
func primary(values []any) any {
	for _, value := range values {
		if inner, ok := value.(map[string]any); ok && inner["primary"] == true {
			return value
		}
	}
	if len(values) == 0 {
		return nil
	}
	return values[0]
}

func mainEmail(emails any) string { return at(object{"emails": emails}, "emails.value") }

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// Staged is one identity as it is kept aside until the round is at its end.
type Staged struct {
	Seq     int64
	Kind    directory.IdentityKind
	Key     string
	Removal connector.Removal
	// Whole says that Record is the state at the end of the round, as long as nothing else is told about the identity.
	Whole bool
	// Scope says that the filters let the identity in.
	Scope        bool
	PartialLinks bool
	// Patch is what was told where Record does not lead back to it.
	Patch object
	// Record is the row to be; nil for a removal or with a Problem.
	Record  *directory.Record
	Digest  uuid.UUID
	Problem *Failure
}

// stage makes the row of an object that is whole.
func (r *rules) stage(seq int64, id connector.Identity, o object) Staged {
	s := Staged{Seq: seq, Kind: id.Kind, Key: id.Key, Removal: id.Removal, Whole: true, Scope: true, PartialLinks: id.PartialLinks}
	if id.Removal != connector.Present {
		return s
	}
	put := putOf(r, id.Kind, id.Key, o)
	if s.Scope = r.inScope(id.Kind, put.Name, o); !s.Scope {
		put.Status, put.StatusReason = directory.StatusDisabled, optional(outOfScope)
	}
	switch record, err := directory.NewRecord(r.instance, put); {
	case strings.TrimSpace(put.Name) == "":
		s.Problem = &Failure{ExternalID: id.Key, Code: directory.MissingRequired, Message: "The source tells no " + nameOf(id.Kind) + ", without which it cannot be stored. Give it one there."}
	case err != nil:
		s.Problem = &Failure{ExternalID: id.Key, Code: directory.InvalidValue, Message: directory.AsError(err).Message}
	case put.ExternalID == nil || len(*put.ExternalID) > directory.MaxNameLength:
		s.Problem = &Failure{ExternalID: id.Key, Code: directory.MissingRequired, Message: "The source tells no id that can be stored."}
	default:
		s.Record, s.Digest = &record, digestOf(&record, s.Scope)
	}
	return s
}

// outOfScope is the reason of identities that the filters leave out.
const outOfScope = "left out by the instance's filter"
