package sqldb

import (
	"context"

	"github.com/roster-gateway/roster/connector"
)

// RunUnchecked runs statements in one session, one after the other as the queries of a round are, without a look at how
// they are written.
func RunUnchecked(ctx context.Context, s connector.Source, statements ...string) (errs []error) {
	n, err := s.(*source).open(ctx)
	if err != nil {
		return []error{err}
	}
	defer n.close()
	for _, text := range statements {
		errs = append(errs, n.each(ctx, &query{key: keyUsers, noun: "users query", text: text, columns: []column{}}, func(*row) error { return nil }))
	}
	return errs
}

// CheckStatement looks at how a statement of a dialect is written.
func CheckStatement(driver, text string) error { return dialects[driver].checkStatement(text) }

// WithPages is the type, but with pages of so many rows, and of so many rows at most.
func WithPages(rows, most int) connector.Type {
	small := Type
	small.Open = func(cfg connector.Config) (connector.Source, error) {
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		s.pageRows, s.maxRows = rows, most
		return s, nil
	}
	return small
}
