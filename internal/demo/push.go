package demo

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/roster-gateway/roster/internal/scimclient"
)

// connections is how many requests are on their way at once, as provisioning services do it.
const connections = 8

// inOrder is the size up to which a level of the tree is pushed one by one, so that its ids come in the same order each
// time.
const inOrder = 40

// object is a JSON object.
type object = map[string]any

// push is one organization on its way into Roster. What is there already is left as it is, so a push that was cut short
// can be done again.
type push struct {
	to   *scimclient.Client
	org  *Organization
	done func() // called after each request

	mu  sync.Mutex
	ids map[string]string // SCIM ids by key
}

// requests is how many steps the push of an organization has.
func (o *Organization) requests() int {
	n := len(o.People) + len(o.Groups)
	for _, g := range o.Groups {
		if len(g.Groups) > 0 {
			n++
		}
	}
	return n
}

// run pushes people, each after the manager, then groups with the people in them, then the groups into their groups: that
// last, because groups can hold each other.
func (p *push) run(ctx context.Context) error {
	p.ids = map[string]string{}
	for _, endpoint := range []string{"/Users", "/Groups"} {
		err := p.to.Each(ctx, endpoint, 200, url.Values{"attributes": {"externalId"}}, func(r scimclient.Resource) error {
			key, _ := r["externalId"].(string)
			p.ids[key], _ = r["id"].(string)
			return nil
		})
		if err != nil {
			return err
		}
	}
	levels := map[int][]func(context.Context) error{}
	deepest := 0
	for _, person := range p.org.People {
		levels[person.Level] = append(levels[person.Level], func(ctx context.Context) error {
			return p.make(ctx, "/Users", person.Key, func() object { return p.user(person) })
		})
		deepest = max(deepest, person.Level)
	}
	for level := 0; level <= deepest; level++ {
		if err := each(ctx, levels[level]); err != nil {
			return err
		}
	}
	var groups, nestings []func(context.Context) error
	for _, group := range p.org.Groups {
		groups = append(groups, func(ctx context.Context) error {
			return p.make(ctx, "/Groups", group.Key, func() object { return p.group(group) })
		})
		if len(group.Groups) > 0 {
			nestings = append(nestings, func(ctx context.Context) error { return p.nest(ctx, group) })
		}
	}
	if err := each(ctx, groups); err != nil {
		return err
	}
	return each(ctx, nestings)
}

// each runs the steps over the connections.
func each(ctx context.Context, steps []func(context.Context) error) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	if len(steps) <= inOrder {
		group.SetLimit(1)
	}
	for _, step := range steps {
		if each.Err() != nil {
			break
		}
		group.Go(func() error { return step(each) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// make creates a resource unless it is there.
func (p *push) make(ctx context.Context, endpoint, key string, body func() object) error {
	if p.id(key) == "" {
		id, err := p.to.Create(ctx, endpoint, body())
		if err != nil {
			return fmt.Errorf("%s of %s: %w", key, p.org.Label, err)
		}
		p.mu.Lock()
		p.ids[key] = id
		p.mu.Unlock()
	}
	p.done()
	return nil
}

// nest adds a group's groups to it. Adding what is a member already changes nothing (RFC 7644 section 3.5.2.1).
func (p *push) nest(ctx context.Context, g Group) error {
	add := scimclient.Operation{Op: "add", Path: "members", Value: p.members(g.Groups, "Group")}
	if err := p.to.Patch(ctx, "/Groups", p.id(g.Key), []scimclient.Operation{add}); err != nil {
		return fmt.Errorf("%s of %s: %w", g.Key, p.org.Label, err)
	}
	p.done()
	return nil
}

func (p *push) id(key string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[key]
}

func (p *push) members(keys []string, kind string) []object {
	out := make([]object, len(keys))
	for i, key := range keys {
		out[i] = object{"value": p.id(key), "type": kind}
	}
	return out
}

// user is a person as SCIM writes one.
func (p *push) user(person Person) object {
	enterprise := object{"employeeNumber": person.Key, "department": person.Department, "organization": p.org.Label}
	if person.Manager != "" {
		enterprise["manager"] = object{"value": p.id(person.Manager)}
	}
	return object{
		"schemas":    []string{scimclient.UserSchema, scimclient.EnterpriseSchema},
		"externalId": person.Key, "userName": person.UserName, "displayName": person.DisplayName(),
		"name":      object{"givenName": person.Given, "familyName": person.Family, "formatted": person.DisplayName()},
		"emails":    []object{{"value": person.UserName, "type": "work", "primary": true}},
		"title":     person.Title,
		"addresses": []object{{"type": "work", "locality": person.Location}},
		"locale":    person.Locale, "userType": "Employee", "active": person.Active,
		scimclient.EnterpriseSchema: enterprise,
	}
}

func (p *push) group(g Group) object {
	return object{
		"schemas": []string{scimclient.GroupSchema}, "externalId": g.Key, "displayName": g.Name, "members": p.members(g.People, "User"),
	}
}
