package command

import (
	"encoding/json"
	"fmt"
	"net/url"
	"text/tabwriter"

	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/scimclient"
)

// usersPage is how many users are asked for at a time.
const usersPage = 500

type scimUsersCommand struct {
	scimAccess `embed:""`
	Filter     string `placeholder:"FILTER" help:"SCIM filter, such as: userName sw \"a\". Default: every user."`
	JSON       bool   `name:"json" help:"Print the users as SCIM resources, one a line, instead of a table."`
}

// Run lists users.
func (c *scimUsersCommand) Run(p *program) error {
	client, err := c.client(1)
	if err != nil {
		return err
	}
	query := url.Values{}
	if c.Filter != "" {
		query.Set("filter", c.Filter)
	}
	show, end := c.table(p)
	if c.JSON {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetEscapeHTML(false)
		show, end = func(r scimclient.Resource) error { return encoder.Encode(r) }, func() error { return nil }
	}
	if err := client.Each(p.ctx, "/Users", usersPage, query, show); err != nil {
		return c.signedOut(err)
	}
	return end()
}

// table shows users as rows.
func (c *scimUsersCommand) table(p *program) (show func(scimclient.Resource) error, end func() error) {
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "USERNAME\tDISPLAY NAME\tACTIVE\tEXTERNAL ID\tID")
	return func(r scimclient.Resource) error {
		cell := func(name string) string {
			value, ok := r[name]
			if !ok {
				return "-"
			}
			return outbound.Printable(fmt.Sprint(value))
		}
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", cell("userName"), cell("displayName"), cell("active"), cell("externalId"), cell("id"))
		return err
	}, table.Flush
}
