package directory

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// newUID draws a public id: UUID version 7, which keeps ids that are drawn together together in an index.
func newUID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// nameField is what a source calls an identity's name.
var nameField = map[IdentityKind]string{KindUser: "userName", KindGroup: "displayName", KindRole: "name"}

// check refuses a put that no row can hold.
func (p *Put) check() error {
	if err := checkName(nameField[p.Kind], p.Name); err != nil {
		return err
	}
	texts := []struct {
		field string
		value *string
	}{
		{"displayName", &p.DisplayName}, {"description", p.Description}, {"email", p.Email}, {"externalId", p.ExternalID},
	}
	for _, text := range texts {
		if text.value == nil {
			continue
		}
		if err := checkText(text.field, *text.value); err != nil {
			return err
		}
	}
	if p.ExternalID != nil && *p.ExternalID == "" {
		return BadInput("externalId", "externalId must not be empty; leave it out where there is none.")
	}
	if p.Status != "" && p.Status != StatusActive && p.Status != StatusDisabled {
		return BadInput("status", "%q is no status that can be set.", p.Status)
	}
	return checkAttributes("", map[string]any(p.Attrs))
}

// checkAttributes refuses text that no column takes, anywhere in a value.
func checkAttributes(path string, value any) error {
	switch v := value.(type) {
	case string:
		if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			return BadInput(path, "%s holds a NUL character or invalid UTF-8, which no text may.", path)
		}
	case []any:
		for _, element := range v {
			if err := checkAttributes(path, element); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, sub := range v {
			if err := checkAttributes("attributes", name); err != nil {
				return err
			}
			if err := checkAttributes(strings.TrimPrefix(path+"."+name, "."), sub); err != nil {
				return err
			}
		}
	case json.Number, bool, nil, float64, int, int64:
	default:
		return fmt.Errorf("attribute %s has the Go type %T, which JSON does not have", path, value)
	}
	return nil
}

// record is the row that the put asks for, without what the store adds.
func (p *Put) record(instance int64) (Record, error) {
	attrs, err := NewAttributes(p.Attrs)
	if err != nil {
		return Record{}, fmt.Errorf("attributes of %s: %w", p.Name, err)
	}
	r := Record{
		UID: p.UID, Kind: p.Kind, InstanceID: instance, ExternalID: p.ExternalID, Name: p.Name,
		DisplayName: p.DisplayName, Description: p.Description, Email: p.Email,
		Status: p.Status, StatusReason: p.StatusReason, Attrs: attrs,
	}
	if r.DisplayName == "" {
		r.DisplayName = r.Name
	}
	if r.Status == "" {
		r.Status = StatusActive
	}
	return r, nil
}

// NewRecord is the row that a put asks for in an instance, for those who hand rows to the store by themselves. It fails
// where no row can hold it.
func NewRecord(i *Instance, p Put) (Record, error) {
	if p.UID == uuid.Nil {
		p.UID = newUID()
	}
	if err := p.check(); err != nil {
		return Record{}, err
	}
	r, err := p.record(i.ID)
	r.FQN = i.PlainFQN(p.Kind, p.Name)
	return r, err
}
