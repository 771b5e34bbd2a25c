package directory

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Custom is the whole wanted state of a resource that is no identity: one of a type that operators add. Roster keeps
// such resources for provisioning clients and resolves nothing by them.
type Custom struct {
	// Instance owns the resource.
	Instance *Instance
	// Type is the id of its resource type.
	Type string
	// UID is drawn where a resource is created.
	UID uuid.UUID
	// IfVersion fails a change as stale (ReasonStale) unless the row is at this version; a deletion takes 0 for any.
	IfVersion int64
	// ExternalID is unique inside the instance and type.
	ExternalID *string
	Attrs      AttributeSet
	Unique     []UniqueValue
	// Action names the change in the audit trail, such as "scim.device.create".
	Action string
	// Was is the resource before a change or a deletion, for the audit trail.
	Was *Record
}

// UniqueValue is a value that no other resource of the instance and type may have (RFC 7643 section 2.2, uniqueness).
type UniqueValue struct {
	// Attribute is the attribute's name with its schema's URN and, for a sub-attribute, its parent's.
	Attribute string
	// Value is the text that is compared, folded where case does not count.
	Value string
	// Had says that the resource had the value before. It may keep it, also where another one has it from the time before
	// the attribute was unique: changes of something else always go through.
	Had bool
}

// CustomStore is what the directory needs from storage for resources that are no identities. Lists of them are asked
// for by [ListQuery.ResourceType].
type CustomStore interface {
	// InsertCustom adds a resource; UpdateCustom gives one that is at version IfVersion another state. Both return
	// the row as it is now, without its attributes, and fail with ReasonUniqueness where a value is taken.
	InsertCustom(ctx context.Context, c Custom, attrs Attributes, a Audit) (*Record, error)
	UpdateCustom(ctx context.Context, c Custom, attrs Attributes, a Audit) (*Record, error)
	// DeleteCustom reports whether the resource was there, at version IfVersion.
	DeleteCustom(ctx context.Context, c Custom, a Audit) (bool, error)
	// DeleteCustomOf deletes resources of an instance, at most limit of them, and returns how many.
	DeleteCustomOf(ctx context.Context, instance int64, limit int, a Audit) (int, error)
}

// CreateCustom adds a resource.
func (d *Directory) CreateCustom(ctx context.Context, c Custom) (*Record, error) {
	c.UID = newUID()
	return d.writeCustom(ctx, c, d.store.InsertCustom)
}

// UpdateCustom gives a resource another state.
func (d *Directory) UpdateCustom(ctx context.Context, c Custom) (*Record, error) {
	return d.writeCustom(ctx, c, d.store.UpdateCustom)
}

type customWrite func(context.Context, Custom, Attributes, Audit) (*Record, error)

func (d *Directory) writeCustom(ctx context.Context, c Custom, write customWrite) (*Record, error) {
	if c.ExternalID != nil {
		if err := checkText("externalId", *c.ExternalID); err != nil {
			return nil, err
		}
	}
	if err := checkAttributes("", map[string]any(c.Attrs)); err != nil {
		return nil, err
	}
	attrs, err := NewAttributes(c.Attrs)
	if err != nil {
		return nil, fmt.Errorf("attributes of %s %s: %w", c.Type, c.UID, err)
	}
	a := c.audit(ctx)
	now := &Record{ExternalID: c.ExternalID, Attrs: attrs}
	if c.Was == nil {
		a.After = auditStateOf(now)
	} else {
		a.Before, a.After = auditDifference(c.Was, now)
	}
	record, err := write(ctx, c, attrs, a)
	if err != nil {
		return nil, err
	}
	record.Attrs = attrs
	return record, nil
}

// DeleteCustom deletes a resource for good. One that is gone already is CodeNotFound, or stale where a version is named.
func (d *Directory) DeleteCustom(ctx context.Context, c Custom) error {
	a := c.audit(ctx)
	if c.Was != nil {
		a.Before = auditStateOf(c.Was)
	}
	found, err := d.store.DeleteCustom(ctx, c, a)
	switch {
	case err != nil || found:
		return err
	case c.IfVersion != 0:
		return Clash(ReasonStale, "", "Somebody else changed or deleted this resource in the meantime. Read it again and repeat the deletion.")
	}
	return NotFound("", "There is no %s with the id %s.", c.Type, c.UID)
}

func (c *Custom) audit(ctx context.Context) Audit {
	return Audit{Actor: ActorFrom(ctx), Action: c.Action, Target: c.UID.String()}
}

// deleteCustomOf deletes the resources of an instance that are no identities, in bounded transactions.
func (d *Directory) deleteCustomOf(ctx context.Context, i *Instance) error {
	for {
		a := Audit{Actor: ActorFrom(ctx), Action: "instance.delete.resources", Target: label(i.Provider.Name, i.Name)}
		if n, err := d.store.DeleteCustomOf(ctx, i.ID, MaxPage, a); err != nil || n < MaxPage {
			return err
		}
	}
}
