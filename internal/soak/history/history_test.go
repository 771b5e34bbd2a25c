package history_test

import (
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/soak/history"
)

const second = time.Second

// The register x is written four times: on replica 0 at 0 s and at 10 s, on replica 1 at 20 s; a write at 30 s is never
// acknowledged. Each takes a second. y is written once in the middle, on replica 1.
func forged() (*history.Checker, map[string]*history.Write) {
	w := map[string]*history.Write{
		"a": {Register: "x", Value: "a", Start: 0, Ack: 1 * second, Replica: 0},
		"b": {Register: "x", Value: "b", Start: 10 * second, Ack: 11 * second, Replica: 0},
		"c": {Register: "x", Value: "c", Start: 20 * second, Ack: 21 * second, Replica: 1},
		"d": {Register: "x", Value: "d", Start: 30 * second, Ack: history.Never, Replica: 1},
		"y": {Register: "y", Value: "on", Start: 15 * second, Ack: 16 * second, Replica: 1},
	}
	return history.New(2*second, []*history.Write{w["a"], w["b"], w["c"], w["d"], w["y"]}), w
}

func TestCheck(t *testing.T) {
	t.Parallel()
	checker, w := forged()
	const fine = history.Fault("")
	at := func(seconds float64) time.Duration { return time.Duration(seconds * float64(second)) }
	for name, test := range map[string]struct {
		replica  int
		from, to float64 // seconds
		atLeast  *history.Write
		settled  bool
		says     string
		want     history.Fault
	}{
		"the value of now":                              {0, 12, 12.1, nil, false, "b", fine},
		"the old value while it is overwritten":         {0, 10.5, 10.6, nil, false, "a", fine},
		"the new value while it is written":             {1, 10.5, 10.6, nil, false, "b", fine},
		"an old value of the replica that took the new": {0, 11.1, 11.2, nil, false, "a", history.Stale},
		"an old value of another replica":               {1, 11.1, 11.2, nil, false, "a", fine},
		"the same, a moment before its bound":           {1, 12.9, 13.5, nil, false, "a", fine},
		"the same after its bound":                      {1, 13.1, 13.2, nil, false, "a", history.Stale},
		"an old value at the revision of the new":       {1, 11.1, 11.2, w["b"], false, "a", history.Stale},
		"the new value at its revision":                 {1, 11.1, 11.2, w["b"], false, "b", fine},
		"at a revision of something else, later":        {0, 21.1, 21.2, w["y"], false, "a", history.Stale},
		"at that revision, before what came after it":   {0, 21.1, 21.2, w["y"], false, "b", fine},
		"a value that nobody wrote":                     {0, 12, 12.1, nil, false, "z", history.NeverWas},
		"a value that is written only later":            {0, 12, 12.1, nil, false, "c", history.NeverWas},
		"a write without an answer, done":               {0, 40, 40.1, nil, false, "d", fine},
		"a write without an answer, not done":           {0, 40, 40.1, nil, false, "c", fine},
		"before a write without an answer":              {0, 40, 40.1, nil, false, "b", history.Stale},
		"in the end":                                    {-1, 40, 40.1, nil, true, "c", fine},
		"in the end, with a write lost":                 {-1, 21.5, 21.6, nil, true, "b", history.Lost},
	} {
		read := &history.Read{
			Replica: test.replica, Start: at(test.from), End: at(test.to), AtLeast: test.atLeast, Settled: test.settled,
			Observations: []history.Observation{{Register: "x", Value: test.says}}, What: "x",
		}
		got := fine
		if violations := checker.Check(read); len(violations) > 0 {
			got = violations[0].Fault
			t.Logf("%s: %s", name, violations[0])
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Two writes that overlap may have come in either order, and neither is lost.
func TestWritesThatOverlapComeInEitherOrder(t *testing.T) {
	t.Parallel()
	checker := history.New(2*second, []*history.Write{
		{Register: "x", Value: "a", Start: 0, Ack: 3 * second}, {Register: "x", Value: "b", Start: second, Ack: 2 * second},
	})
	for _, value := range []string{"a", "b"} {
		read := &history.Read{Start: 9 * second, End: 9 * second, Settled: true, Observations: []history.Observation{{Register: "x", Value: value}}}
		if violations := checker.Check(read); len(violations) > 0 {
			t.Errorf("%s: %v", value, violations)
		}
	}
}

func TestObservationsOfAPart(t *testing.T) {
	t.Parallel()
	checker, _ := forged()
	for _, test := range []struct {
		observation history.Observation
		violations  int
	}{
		{history.Observation{Register: "y", Way: history.Begins, Value: "o"}, 0},
		{history.Observation{Register: "y", Way: history.Begins, Value: "p"}, 1},
		{history.Observation{Register: "y", Way: history.BeginsNot, Value: "p"}, 0},
		{history.Observation{Register: "y", Way: history.BeginsNot, Value: "o"}, 1},
		{history.Observation{Register: "unknown", Value: "on"}, 1},
	} {
		read := &history.Read{Start: 20 * second, End: 20 * second, Observations: []history.Observation{test.observation}}
		if got := checker.Check(read); len(got) != test.violations {
			t.Errorf("%s: %v", test.observation, got)
		}
	}
}
