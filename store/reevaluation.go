package store

import (
	"context"

	"github.com/roster-gateway/roster/directory"
)

// noteSetting is a part of a statement on runtime_config, after its CTE. Where placeholder holds, the instance $3 is to be
// looked through again and its source to be read whole: those whom the settings left out are not there. An instance that
// waits for somebody to sign in or to consent is tried again, whatever the setting.
func noteSetting(placeholder string) string {
	again := placeholder + `::boolean`
	return `), marked AS (
		UPDATE provider_instance SET reevaluation = reevaluation + ` + again + `::int,
			reevaluated_to = CASE WHEN ` + again + ` THEN 0 ELSE reevaluated_to END,
			sync_state = CASE WHEN ` + again + ` THEN NULL ELSE sync_state END,
			next_run_at = CASE WHEN ` + again + ` AND sync_schedule IS NOT NULL THEN least(next_run_at, now()) ELSE next_run_at END,
			hold = nullif(hold, 'NEEDS_CONSENT'), hold_reason = CASE hold WHEN 'NEEDS_CONSENT' THEN NULL ELSE hold_reason END
		WHERE id = $3 AND EXISTS (SELECT FROM changed)`
}

// Reevaluations implements [directory.Reevaluator].
func (s *Store) Reevaluations(ctx context.Context) ([]directory.Reevaluation, error) {
	var rows []struct {
		Instance int64 `db:"id"`
		Number   int64 `db:"reevaluation"`
		To       int64 `db:"reevaluated_to"`
	}
	err := s.all(ctx, &rows, `SELECT id, reevaluation, reevaluated_to FROM provider_instance
		WHERE reevaluated_to IS NOT NULL AND deleted_at IS NULL ORDER BY id`)
	out := make([]directory.Reevaluation, len(rows))
	for i, row := range rows {
		out[i] = directory.Reevaluation{InstanceID: row.Instance, Number: row.Number, To: row.To}
	}
	return out, err
}

// Reevaluated implements [directory.Reevaluator].
func (s *Store) Reevaluated(ctx context.Context, r directory.Reevaluation, to *int64) (bool, error) {
	n, err := s.direct().exec(ctx, `UPDATE provider_instance SET reevaluated_to = $4
		WHERE id = $1 AND reevaluation = $2 AND reevaluated_to = $3`, r.InstanceID, r.Number, r.To, to)
	return n > 0, err
}
