package sqldb

import (
	"context"
	"fmt"
	"net"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/internal/outbound"
)

// Check tries the database step by step: its name, its address, the sign-in, and of each query the columns and a row.
func (s *source) Check(ctx context.Context, report func(connector.Check)) {
	lacks := ""
	for _, step := range []struct {
		name string
		try  func() (string, error)
	}{
		{"name resolution", func() (string, error) { return s.resolve(ctx) }},
		{"connection", func() (string, error) { return s.reach(ctx) }},
		{"sign-in", func() (string, error) {
			n, err := s.open(ctx)
			if err != nil {
				return "", err
			}
			defer n.close()
			if lacks = n.lacks; lacks != "" {
				lacks = " " + lacks
			}
			return "The database lets the account in." + lacks, nil
		}},
	} {
		if !connector.Step(report, step.name, step.try) {
			return
		}
	}
	sample := ""
	for _, q := range []*query{s.users, s.groups, s.links, s.watermark} {
		if q == nil {
			continue
		}
		connector.Step(report, q.noun, func() (string, error) {
			first, err := s.first(ctx, q)
			if q == s.users {
				sample = first
			}
			switch {
			case q == s.watermark && first == "":
				return "It gives no value, so that everything is read in each round.", err
			case q == s.watermark:
				return "It gives a value.", err
			case first == "":
				return "It has the columns that are needed, and no row.", err
			}
			return "It has the columns that are needed, and rows.", err
		})
	}
	if sample != "" {
		report(connector.Check{Name: "sample", OK: true, Detail: "The first user is " + sample + "."})
	}
}

// first reads one row of a query, in a session of its own: it is not read to its end. It says which one that is, by its
// first two columns.
func (s *source) first(ctx context.Context, q *query) (string, error) {
	n, err := s.open(ctx)
	if err != nil {
		return "", err
	}
	defer n.close()
	first := ""
	err = n.each(ctx, q, func(r *row) error {
		first = outbound.Printable(r.text(0))
		if len(r.at) > 1 {
			first = fmt.Sprintf("%q with the id %q", outbound.Printable(r.text(1)), first)
		}
		return errEnough
	})
	return first, err
}

func (s *source) resolve(ctx context.Context) (string, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.at.host)
	if err != nil {
		return "", s.unreachable(ctx, err)
	}
	for _, address := range addresses {
		if s.network.PublicOnly && !outbound.IsPublic(address) {
			return "", s.unreachable(ctx, &outbound.PrivateAddressError{Address: address.String()})
		}
	}
	return fmt.Sprintf("%s has an address.", s.at.host), nil
}

// reach connects without a word.
func (s *source) reach(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	d := newDialer(s.network)
	defer d.hangUp()
	if _, err := d.DialContext(ctx, "tcp", s.at.address()); err != nil {
		return "", s.unreachable(ctx, err)
	}
	return fmt.Sprintf("%s answers.", s.at.address()), nil
}
