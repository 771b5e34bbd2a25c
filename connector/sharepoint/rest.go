package sharepoint

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
)

const (
	// groupsAtOnce is how many site groups are asked for with their users at once: twenty-five of the largest ones fit well
	// into one answer.
	groupsAtOnce = 25
	// usersAtOnce is how many users of one group are.
	usersAtOnce = 1000
	// maxUsers is how many users SharePoint tells of a group in one answer, without a word about the others.
	maxUsers = 5000
)

const (
	userFields  = "Id,Title,LoginName,Email,PrincipalType"
	groupFields = "Id,Title,LoginName,Description,PrincipalType,Users/Id,Users/Title,Users/LoginName,Users/Email,Users/PrincipalType"
)

// user is a principal of a site; see "Users, groups, and roles REST API reference".
type user struct {
	ID        int    `json:"Id"`
	LoginName string `json:"LoginName"`
}

// group is a site group.
type group struct {
	ID          int    `json:"Id"`
	Title       string `json:"Title"`
	LoginName   string `json:"LoginName"`
	Description string `json:"Description"`
	// Users is nil where the answer does not tell.
	Users []user `json:"Users"`
	// MoreUsers leads to users that the answer has no room for.
	MoreUsers string `json:"Users@odata.nextLink"`
}

func (u user) number() int  { return u.ID }
func (g group) number() int { return g.ID }

// row is an element of a collection.
type row interface{ number() int }

// query is a query of a collection, in the form that SharePoint reads.
func query(fields, expand, filter string, top int) string {
	q := url.Values{"$select": {fields}}
	for name, value := range map[string]string{"$expand": expand, "$filter": filter} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if top > 0 {
		q.Set("$top", fmt.Sprint(top))
		q.Set("$orderby", "Id")
	}
	return "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// list reads a collection to the end of its links. It reports whether it was parted by such.
func list[T any](ctx context.Context, s *source, address string) (rows []T, parted bool, err error) {
	for seen := map[string]bool{}; address != ""; parted = parted || address != "" {
		if seen[address] {
			return nil, false, connector.Errorf(connector.Unavailable, "SharePoint leads in a circle while it lists %s.", s.path)
		}
		seen[address] = true
		var page struct {
			Value []T    `json:"value"`
			Next  string `json:"odata.nextLink"`
			Next4 string `json:"@odata.nextLink"`
		}
		if err := s.client.Get(ctx, address, &page); err != nil {
			return nil, false, err
		}
		rows = append(rows, page.Value...)
		if address = page.Next; address == "" {
			address = page.Next4
		}
	}
	return rows, parted, nil
}

// after reads the next elements of a collection behind an id, each once and in their order. It reports whether there may be
// more. An answer that does not follow the filter and the order is of no use to go on by: it is told by errDisordered.
func after[T row](ctx context.Context, s *source, address func(filter string) string, id, top int) (rows []T, more bool, err error) {
	all, parted, err := list[T](ctx, s, address(fmt.Sprintf("Id gt %d", id)))
	if err != nil {
		return nil, false, err
	}
	for _, r := range all {
		known, again := slices.BinarySearchFunc(rows, r.number(), func(r T, id int) int { return cmp.Compare(r.number(), id) })
		switch {
		case again && parted: // where links part an answer, a row may be told once more
		case again || known < len(rows) || r.number() <= id:
			return nil, false, errDisordered
		default:
			rows = append(rows, r)
		}
	}
	return rows, len(rows) > 0 && (parted || len(rows) >= top), nil
}

// errDisordered says that SharePoint answers without regard to the filter or the order that were asked for.
var errDisordered = connector.Errorf(connector.Unavailable, "SharePoint does not list the groups of the site in the order that was asked for, so that Roster could not know them all. Nothing was changed.")

// groups reads the next site groups behind an id.
func (s *source) groups(ctx context.Context, id int) ([]group, bool, error) {
	return after[group](ctx, s, func(filter string) string {
		return s.path + "web/sitegroups" + query(groupFields, "Users", filter, groupsAtOnce)
	}, id, groupsAtOnce)
}

// complete reads the users of a group that its row may not tell all of. It reports whether they are all, and whether the
// group is there still.
func (s *source) complete(ctx context.Context, g *group) (whole, there bool, err error) {
	if g.Users != nil && len(g.Users) < maxUsers && g.MoreUsers == "" {
		return true, true, nil
	}
	address := fmt.Sprintf("%sweb/sitegroups/getbyid(%d)/users", s.path, g.ID)
	var read []user
	for last, more := 0, true; more; {
		var rows []user
		rows, more, err = after[user](ctx, s, func(filter string) string { return address + query(userFields, "", filter, usersAtOnce) }, last, usersAtOnce)
		switch refusal := microsoft.AsRefusal(err); {
		case err == errDisordered, refusal != nil && refusal.Status == http.StatusBadRequest:
			return false, true, nil
		case refusal != nil && refusal.Status == http.StatusNotFound:
			return false, false, nil
		case err != nil:
			return false, false, err
		}
		read = append(read, rows...)
		if more {
			last = rows[len(rows)-1].ID
		}
	}
	// Where the row was full, anything but more than that may be a row of the same bound, with somebody gone since.
	whole = len(read) > maxUsers || len(read) < maxUsers && len(g.Users) < maxUsers
	g.Users = read
	return whole, true, nil
}
