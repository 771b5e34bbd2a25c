package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Audit is the row that every change leaves, in the change's own transaction.
type Audit struct {
	Actor  Actor
	Action string
	Target string
	// Before is what the change replaces or deletes, After what it makes of it: each encodes as a JSON object that holds no
	// secret and is not long; nil where there is none.
	Before, After any
	// Detail is what else there is to say of the change, without secrets; nil for nothing.
	Detail map[string]any
}

// JSON is a JSON object of Before, After and Detail; nil where there is nothing in it.
func (a *Audit) JSON() []byte {
	if a.Before == nil && a.After == nil && len(a.Detail) == 0 {
		return nil
	}
	if len(a.Detail) == 0 { // as of nearly every write
		text, _ := json.Marshal(struct { // strings and plain JSON only
			Before any `json:"before,omitempty"`
			After  any `json:"after,omitempty"`
		}{a.Before, a.After})
		return text
	}
	all := maps.Clone(a.Detail)
	if a.Before != nil {
		all["before"] = a.Before
	}
	if a.After != nil {
		all["after"] = a.After
	}
	text, _ := json.Marshal(all)
	return text
}

const (
	// maxAuditText bounds a text in an audit row, in bytes.
	maxAuditText = 256
	// maxAuditAttributes bounds the attributes in an audit row, in bytes of JSON, before and after each.
	maxAuditAttributes = 2048
	// MaxAuditIDs bounds how many identities an audit row names; beside them it says how many there are.
	MaxAuditIDs = 20
)

// AuditIDs names identities in a detail.
type AuditIDs struct {
	Count int `json:"count"`
	// IDs are the first of them.
	IDs []uuid.UUID `json:"ids"`
}

// AuditText cuts a text that is too long for an audit row.
func AuditText(text string) string {
	if len(text) <= maxAuditText {
		return text
	}
	cut := maxAuditText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return fmt.Sprintf("%s... (%d bytes)", text[:cut], len(text))
}

func auditText(text *string) *string {
	if text == nil {
		return nil
	}
	cut := AuditText(*text)
	return &cut
}

// auditState is an identity, or what changes of it, in an audit row. Fields that have no value, or stay, are left out.
type auditState struct {
	Name         *string         `json:"name,omitempty"`
	DisplayName  *string         `json:"displayName,omitempty"`
	ExternalID   *string         `json:"externalId,omitempty"`
	Description  *string         `json:"description,omitempty"`
	Email        *string         `json:"email,omitempty"`
	Status       *IdentityStatus `json:"status,omitempty"`
	StatusReason *string         `json:"statusReason,omitempty"`
	Attributes   json.RawMessage `json:"attributes,omitempty"`
}

// auditStateOf is all that is known of an identity, or of a resource that is none.
func auditStateOf(r *Record) *auditState {
	s := &auditState{
		ExternalID: auditText(r.ExternalID), Description: auditText(r.Description), Email: auditText(r.Email),
		StatusReason: auditText(r.StatusReason),
	}
	if r.Kind != "" {
		s.Name, s.Status = auditText(&r.Name), &r.Status
	}
	if r.Kind == KindUser { // that of others is their name
		s.DisplayName = auditText(&r.DisplayName)
	}
	switch text := r.Attrs.JSON(); {
	case text == "{}":
	case len(text) <= maxAuditAttributes:
		s.Attributes = json.RawMessage(text)
	default:
		s.Attributes = auditAttributes(r.Attrs.Set())
	}
	return s
}

// auditDifference is what differs between two states.
func auditDifference(old, now *Record) (before, after *auditState) {
	before, after = auditStateOf(old), auditStateOf(now)
	for _, field := range []struct {
		same    bool
		was, is **string
	}{
		{old.Name == now.Name, &before.Name, &after.Name},
		{old.DisplayName == now.DisplayName, &before.DisplayName, &after.DisplayName},
		{reflect.DeepEqual(old.ExternalID, now.ExternalID), &before.ExternalID, &after.ExternalID},
		{reflect.DeepEqual(old.Description, now.Description), &before.Description, &after.Description},
		{reflect.DeepEqual(old.Email, now.Email), &before.Email, &after.Email},
		{reflect.DeepEqual(old.StatusReason, now.StatusReason), &before.StatusReason, &after.StatusReason},
	} {
		if field.same {
			*field.was, *field.is = nil, nil
		}
	}
	if old.Status == now.Status {
		before.Status, after.Status = nil, nil
	}
	was, is := old.Attrs.Set(), now.Attrs.Set()
	for name, value := range was {
		if other, there := is[name]; there && reflect.DeepEqual(value, other) {
			delete(was, name)
			delete(is, name)
		}
	}
	before.Attributes, after.Attributes = auditAttributes(was), auditAttributes(is)
	return before, after
}

// auditAttributes are attributes as an audit row takes them: long ones by their length, and of very many the first.
func auditAttributes(set AttributeSet) json.RawMessage {
	if len(set) == 0 {
		return nil
	}
	short, size := AttributeSet{}, 0
	for _, name := range slices.Sorted(maps.Keys(set)) {
		value, _ := json.Marshal(set[name]) // was read from JSON
		key := AuditText(name)
		if len(value) > maxAuditText {
			short[key] = fmt.Sprintf("... (%d bytes)", len(value))
		} else {
			short[key] = json.RawMessage(value)
		}
		if size += len(key) + min(len(value), maxAuditText); size > maxAuditAttributes {
			short["..."] = fmt.Sprintf("%d attributes, of which these are the first", len(set))
			break
		}
	}
	text, _ := json.Marshal(short)
	return text
}

// audit describes the change set. One of a single identity, and of the members of a container, says what it makes of what;
// others say how many identities they change, and which.
func (p *plan) audit(ctx context.Context) Audit {
	a := Audit{Actor: ActorFrom(ctx), Action: p.changes.Action}
	if f := p.batch.Fence; f != nil {
		a.Actor, a.Target = Actor{Name: "synchronization", Door: "sync"}, p.changes.Fence.UID.String()
		a.Detail = map[string]any{"created": f.Created, "updated": f.Updated, "disabled": f.Disabled, "deleted": f.Deleted}
		return a
	}
	var ids []uuid.UUID
	named := map[uuid.UUID]bool{}
	target := func(uid uuid.UUID) {
		if !named[uid] {
			named[uid] = true
			ids = append(ids, uid)
		}
	}
	for _, at := range p.at { // what the policy of names adds is none that was asked for
		switch {
		case at.insert > 0:
			record := &p.batch.Inserts[at.insert-1].Record
			a.After = auditStateOf(record)
			target(record.UID)
		case at.update > 0:
			record := &p.batch.Updates[at.update-1].Record
			a.Before, a.After = auditDifference(at.old, record)
			target(record.UID)
		}
	}
	for i, t := range p.batch.Tombstones {
		a.Before = auditStateOf(p.deleted[i])
		target(t.UID)
	}
	for _, m := range p.batch.Members {
		target(m.Container)
	}
	for _, m := range p.batch.Managers {
		target(m.User)
	}
	if len(ids) > 0 {
		a.Target = ids[0].String()
	}
	if len(ids) > 1 {
		a.Before, a.After = nil, nil
		a.Detail = map[string]any{"targets": AuditIDs{Count: len(ids), IDs: ids[:min(len(ids), MaxAuditIDs)]}}
	}
	return a
}
