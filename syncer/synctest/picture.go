package synctest

import (
	"slices"
	"strings"

	"github.com/roster-gateway/roster/directory"
)

// Identity is what a directory shows of an identity.
type Identity struct {
	Kind                            directory.IdentityKind
	Status                          directory.IdentityStatus
	Name                            string
	DisplayName, Description, Email string
	// Attributes are those that have no field of their own.
	Attributes directory.AttributeSet
	// Links are the keys of a group's members, sorted, and that of a user's manager.
	Links []string
}

// Picture is a directory's identities by their keys at the source.
type Picture map[string]Identity

// Picture draws the identities of a provider. Those that were removed softly are left out, and links to them: whether one
// has its links still does not matter until it returns.
func (r *Rig) Picture(label string) Picture {
	r.t.Helper()
	ctx := r.t.Context()
	i, err := r.People.Instance(ctx, label, "")
	r.Must(err)
	var all []*directory.Record
	for after := int64(0); ; after = all[len(all)-1].ID {
		records, err := r.Store.List(ctx, directory.ListQuery{
			InstanceID: i.ID, Status: directory.AnyLive, Order: directory.Order{Field: directory.OrderID}, After: &directory.Position{ID: after}, Limit: 1000,
		})
		r.Must(err)
		if len(records) == 0 {
			break
		}
		all = append(all, records...)
	}
	all = slices.DeleteFunc(all, func(record *directory.Record) bool { return record.ExternalID == nil || inBin(record) })
	links := r.links(all)
	out := Picture{}
	for n, record := range all {
		out[*record.ExternalID] = draw(record, links[n])
	}
	return out
}

// links are the other ends of the records' links.
func (r *Rig) links(records []*directory.Record) [][]string {
	r.t.Helper()
	ctx := r.t.Context()
	ids := make([]int64, len(records))
	edges := make([]directory.EdgeQuery, len(records))
	for n, record := range records {
		ids[n] = record.ID
		edges[n] = directory.EdgeQuery{Of: record.ID, Scope: directory.ScopeDirect, Status: directory.AnyLive}
	}
	others, err := r.Store.Managers(ctx, ids)
	r.Must(err)
	members, err := r.Store.Edges(ctx, edges)
	r.Must(err)
	out := make([][]string, len(records))
	for n := range records {
		list := []int64{}
		if others[n] != 0 {
			list = append(list, others[n])
		}
		for _, edge := range members[n] {
			list = append(list, edge.ID)
		}
		found, err := r.Store.ByIDs(ctx, list)
		r.Must(err)
		for _, other := range found {
			if !inBin(other) {
				out[n] = append(out[n], *other.ExternalID)
			}
		}
		slices.Sort(out[n])
	}
	return out
}

func draw(r *directory.Record, links []string) Identity {
	out := Identity{Kind: r.Kind, Status: r.Status, Name: r.Name, DisplayName: r.DisplayName, Attributes: r.Attrs.Set(), Links: links}
	if r.Description != nil {
		out.Description = *r.Description
	}
	if r.Email != nil {
		out.Email = *r.Email
	}
	return out
}

// inBin reports whether an identity was removed softly.
func inBin(r *directory.Record) bool {
	return r.Status == directory.StatusDisabled && r.StatusReason != nil && strings.HasPrefix(*r.StatusReason, "deleted at the source")
}
