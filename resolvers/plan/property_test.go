package plan_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// perCheck is how many operations one check of the property draws.
const perCheck = 4

var anyCursor = regexp.MustCompile(`"(WyIx[\w-]+)"`)

// Both roads give the same answer to any operation, byte for byte, and nearly all operations over the covered part of
// the schema are answered by a plan.
func TestRoadsAnswerAlike(t *testing.T) {
	t.Run("in the store", func(t *testing.T) { roadsAnswerAlike(t, newWorld(t, 1, false)) })
	t.Run("in memory", func(t *testing.T) { roadsAnswerAlike(t, newWorld(t, 2, true)) })
}

func roadsAnswerAlike(t *testing.T, w *world) {
	drawn, executed, failed, planned, size := 0, 0, 0, 0, 0
	var cursors []string
	rapid.Check(t, func(rt *rapid.T) {
		for range perCheck {
			g := &operations{T: rt, world: w, schema: w.schema.Schema(), cursors: cursors}
			query, variables := g.operation()
			got, byPlan := w.same(rt, query, variables)
			drawn++
			size += len(got.Data)
			if got.Data != "" {
				executed++
			}
			if got.Data != "" && len(got.Errors) > 0 {
				failed++
			}
			if byPlan {
				planned++
			}
			for _, found := range anyCursor.FindAllStringSubmatch(got.Data, 3) {
				if len(cursors) < 200 {
					cursors = append(cursors, found[1])
				}
			}
		}
	})
	t.Logf("of %d operations, %d were executed, %d of them with errors; plans answered %d; an answer has %d bytes", drawn, executed, failed, planned, size/max(drawn, 1))
	if executed*10 < drawn*9 || planned*10 < executed*7 {
		t.Errorf("of %d operations only %d were executed, and only %d by a plan", drawn, executed, planned)
	}
}
