package push

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/internal/scimclient"
	"github.com/roster-gateway/roster/scim/schema"
)

// maxMembers is how many members one request carries, so that none takes long. It bounds the operations of a PATCH too.
const maxMembers = 1000

// push makes the resource of an entry, or changes what differs.
func (r *run) push(ctx context.Context, t *task) error {
	if t.target.resource != nil {
		changed, err := r.update(ctx, t, t.target.resource)
		if changed {
			t.result.Outcome = Updated
		}
		return err
	}
	body := maps.Clone(t.attributes)
	maps.DeleteFunc(body, func(_ string, value any) bool { return value == nil })
	t.addManager(body)
	body["schemas"] = schemas(t.kind, body)
	first, rest := t.members, []string(nil)
	if len(first) > maxMembers {
		first, rest = first[:maxMembers], first[maxMembers:]
	}
	if len(first) > 0 {
		body["members"] = memberValues(first)
	}
	id, err := r.cfg.Client.Create(ctx, t.kind.endpoint, body)
	if err != nil {
		return r.afterConflict(ctx, t, err)
	}
	t.target.id, t.result.Outcome = id, Created
	return r.addMembers(ctx, t, rest)
}

// afterConflict looks whether the resource that could not be made is the very one of the line: a service that answers 503
// may have made it nevertheless, and another push may have come first. Then it is changed as needed.
func (r *run) afterConflict(ctx context.Context, t *task, conflict error) error {
	refusal := (*scimclient.Error)(nil)
	if !errors.As(conflict, &refusal) || refusal.Status != http.StatusConflict {
		return conflict
	}
	attribute, value := "externalId", t.externalID
	if value == "" {
		attribute, value = t.kind.label, t.label
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		return conflict
	}
	var found scimclient.Resource
	err = r.cfg.Client.Each(ctx, t.kind.endpoint, 2, url.Values{"filter": {attribute + " eq " + string(quoted)}}, func(resource scimclient.Resource) error {
		found = resource
		return nil
	})
	if err != nil {
		return err
	}
	if t.target.id = text(found, "id"); t.target.id == "" {
		return conflict
	}
	t.result.Outcome = Created
	_, err = r.update(ctx, t, found)
	return err
}

// complete gives an entry that went without some of its references the rest.
func (r *run) complete(ctx context.Context, t *task) error {
	if t.target.id == "" {
		return nil // it has failed and says so
	}
	var now scimclient.Resource
	if err := r.cfg.Client.Send(ctx, http.MethodGet, t.kind.endpoint+"/"+url.PathEscape(t.target.id), nil, &now); err != nil {
		return err
	}
	changed, err := r.update(ctx, t, now)
	if changed && t.result.Outcome == Unchanged {
		t.result.Outcome = Updated
	}
	return err
}

// update changes what the service has where it differs, and reports whether it did.
func (r *run) update(ctx context.Context, t *task, have scimclient.Resource) (changed bool, err error) {
	want := t.attributes
	if t.manager != "" {
		want = maps.Clone(want)
		t.addManager(want)
	}
	var operations []scimclient.Operation
	if value := differing(have, want); len(value) > 0 {
		operations = append(operations, scimclient.Operation{Op: "replace", Value: value})
	}
	var added []string
	if t.members != nil {
		var removed []string
		added, removed = memberChanges(have, t.members)
		for _, id := range removed {
			operations = append(operations, scimclient.Operation{Op: "remove", Path: `members[value eq ` + strconv.Quote(id) + `]`})
		}
	}
	// What a service refuses of one request it takes back as a whole, so a bounded number goes into each.
	for part := range slices.Chunk(operations, maxMembers) {
		if err := r.cfg.Client.Patch(ctx, t.kind.endpoint, t.target.id, part); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed || len(added) > 0, r.addMembers(ctx, t, added)
}

func (r *run) addMembers(ctx context.Context, t *task, ids []string) error {
	for part := range slices.Chunk(ids, maxMembers) {
		add := scimclient.Operation{Op: "add", Path: "members", Value: memberValues(part)}
		if err := r.cfg.Client.Patch(ctx, t.kind.endpoint, t.target.id, []scimclient.Operation{add}); err != nil {
			return err
		}
	}
	return nil
}

func memberValues(ids []string) []map[string]string {
	out := make([]map[string]string, len(ids))
	for i, id := range ids {
		out[i] = map[string]string{"value": id}
	}
	return out
}

// memberChanges are the members to add and to remove; want is sorted.
func memberChanges(have scimclient.Resource, want []string) (added, removed []string) {
	value, _ := schema.Lookup(have, "members")
	list, _ := value.([]any)
	now := make([]string, 0, len(list))
	for _, member := range list {
		object, _ := member.(map[string]any)
		now = append(now, text(object, "value"))
	}
	slices.Sort(now)
	for _, id := range want {
		if _, found := slices.BinarySearch(now, id); !found {
			added = append(added, id)
		}
	}
	for _, id := range now {
		if _, found := slices.BinarySearch(want, id); !found {
			removed = append(removed, id)
		}
	}
	return added, removed
}

// addManager puts the manager into the enterprise extension of a body that is ours to change.
func (t *task) addManager(body scimclient.Resource) {
	if t.manager == "" {
		return
	}
	name := scimclient.EnterpriseSchema
	for key := range body {
		if strings.EqualFold(key, name) {
			name = key
		}
	}
	extension, _ := body[name].(map[string]any)
	extension = maps.Clone(extension)
	if extension == nil {
		extension = map[string]any{}
	}
	extension["manager"] = map[string]any{"value": t.manager}
	body[name] = extension
}

// schemas are the URNs of a resource and of its extensions.
func schemas(k *kind, body scimclient.Resource) []string {
	out := []string{k.schema}
	for name := range body {
		if strings.HasPrefix(strings.ToLower(name), "urn:") {
			out = append(out, name)
		}
	}
	slices.Sort(out[1:])
	return out
}
