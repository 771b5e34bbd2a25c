package store

import (
	"context"
	"strings"
)

// Analyze implements [directory.Analyzer]. Statistics that are new also end the plans that were made by the old ones.
func (s *Store) Analyze(ctx context.Context, identities, links int) error {
	var outgrown []string
	for table, rows := range map[string]int{"identity": identities, "link": links} {
		var known float64
		if err := s.get(ctx, &known, `SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = $1::regclass`, table); err != nil {
			return err
		}
		if 2*known < float64(rows) {
			outgrown = append(outgrown, table)
		}
	}
	if outgrown == nil {
		return nil
	}
	_, err := s.direct().exec(ctx, `ANALYZE `+strings.Join(outgrown, ", "))
	return err
}
