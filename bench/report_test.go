package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestTargetsBoundFromEitherSide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row  row
		want bool
	}{
		{row{Target: 0.5, Ratio: 0.5}, true},
		{row{Target: 0.5, Ratio: 0.49}, false},
		{row{Target: 5, Ratio: 5, AtMost: true}, true},
		{row{Target: 5, Ratio: 5.1, AtMost: true}, false},
		{row{Target: 1.4, AtMost: true, Note: "not there yet"}, false},
	} {
		r := &report{}
		r.add(c.row)
		if got := r.Rows[0].Met; got != c.want {
			t.Errorf("%+v is met: %t", c.row, got)
		}
		if r.wrong() != nil {
			t.Errorf("a ratio is an error: %v", r.wrong())
		}
	}
}

func TestWrongAnswersFailTheRun(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]row{
		"of Roster":    {Name: "user", Roster: &figures{Requests: 2, Wrong: 1, err: errors.New("somebody else")}, Raw: &figures{Requests: 1}},
		"of the limit": {Name: "user", Roster: &figures{Requests: 2}, Raw: &figures{Requests: 1, Wrong: 1, err: errors.New("somebody else")}},
		"none at all":  {Name: "user", Roster: &figures{}, Raw: &figures{Requests: 1}},
	} {
		r := &report{}
		r.add(wrong)
		if r.wrong() == nil {
			t.Errorf("%s: the run does not fail", name)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	r := &report{Scale: 1, Seconds: 6}
	r.add(row{Name: "user", Target: 0.5, Ratio: 0.25, Roster: &figures{Requests: 1, PerSecond: 100}, Raw: &figures{Requests: 1, PerSecond: 400}})
	r.add(row{Name: "sync-first", Target: 1.4, AtMost: true, Unit: "x the time", Note: "not there yet"})
	r.add(row{Name: "memory", Target: 200, AtMost: true, Unit: "MB", Ratio: 150.4})
	var out bytes.Buffer
	r.print(&out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []string{"Scale 1", "workload", ">= 0.5 0.25 no 100", "<= 1.4 x the time - not there yet", "<= 200 MB 150 yes"} {
		if got := strings.Join(strings.Fields(lines[i]), " "); !strings.Contains(got, want) {
			t.Errorf("line %d is %q and does not hold %q", i, got, want)
		}
	}
}
