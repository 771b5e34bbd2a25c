package sqldb

import (
	"database/sql"
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/internal/outbound"
)

// row is the row of a query that is read at the moment.
type row struct {
	query  *query
	number int
	// at are the places of the values by the columns of the query; -1 where there is no such column.
	at     []int
	types  []string
	values []any
	into   []any
}

// skipped is the value of a column that nobody asks for. It is not kept.
type skipped struct{}

func (skipped) Scan(any) error { return nil }

// rowOf holds the columns that a query gives against those that are expected of it.
func rowOf(q *query, rows *sql.Rows) (*row, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	r := &row{query: q, at: make([]int, len(q.columns)), types: make([]string, len(types)), values: make([]any, len(types)), into: make([]any, len(types))}
	given := make([]string, len(types))
	for i, t := range types {
		given[i], r.types[i], r.into[i] = t.Name(), strings.ToUpper(t.DatabaseTypeName()), skipped{}
	}
	if q.columns == nil && len(given) != 1 {
		return nil, connector.Errorf(connector.Misconfigured, "The %s gives %d columns, and one value is expected. (%s)", q.noun, len(given), q.key)
	}
	if q.columns == nil {
		r.at = []int{0}
	}
	for n, column := range q.columns {
		r.at[n] = -1
		for i, name := range given {
			if !strings.EqualFold(name, column.name) {
				continue
			}
			if r.at[n] >= 0 {
				return nil, connector.Errorf(connector.Misconfigured, "The %s gives the column %s twice. Name the columns one by one. (%s)", q.noun, column.name, q.key)
			}
			r.at[n] = i
		}
		if column.required && r.at[n] < 0 {
			return nil, connector.Errorf(connector.Misconfigured, "The %s gives no column %s, which is needed; it gives %s. Name it by AS %s. (%s)", q.noun, column.name, outbound.Printable(strings.Join(given, ", ")), column.name, q.key)
		}
	}
	for _, at := range r.at {
		if at >= 0 {
			r.into[at] = &r.values[at]
		}
	}
	return r, nil
}

func (r *row) scan(rows *sql.Rows) error {
	if err := rows.Scan(r.into...); err != nil {
		return err
	}
	for n, at := range r.at {
		if at >= 0 && sizeOf(r.values[at]) > maxValue {
			return connector.Errorf(connector.Misconfigured, "Row %d of the %s has a value of more than %d bytes in the column %s. Cut it in the query. Nothing was changed. (%s)", r.number, r.query.noun, maxValue, r.query.name(n), r.query.key)
		}
	}
	return nil
}

// name is what a column is called.
func (q *query) name(n int) string {
	if n < len(q.columns) {
		return q.columns[n].name
	}
	return fmt.Sprint(n + 1)
}
