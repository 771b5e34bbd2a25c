// Package history judges what a group of replicas answered, by what was written to them: every answer has to be one that
// some serial order of the writes explains, and that is as new as Roster promises.
//
// What is written and read are registers: whether somebody is in a group, what a user is called. A write sets a register
// from a time between its start and its acknowledgement on; which of two writes that overlap came last is unknown, and
// either will do.
package history

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Never is the acknowledgement of a write that got none: it may happen at any time, or not at all.
const Never = time.Duration(1<<63 - 1)

// Write is one write of a register. Times are those of one clock, from the start of the run.
type Write struct {
	Register, Value string
	Start, Ack      time.Duration
	// Replica took the write.
	Replica int
}

// Read is one answer.
type Read struct {
	// Replica gave it; one that no write went to, such as -1 for the database, owes no more than any other.
	Replica    int
	Start, End time.Duration
	// AtLeast is the write whose revision the answer had to reflect, nil for none.
	AtLeast *Write
	// Settled says that every write was acknowledged long before: the answer has to reflect them all.
	Settled      bool
	Observations []Observation
	// What names the question, for people.
	What string
}

// Observation is what an answer says of one register.
type Observation struct {
	Register string
	Way      Way
	Value    string
}

// Way is how an observation bounds the register's value.
type Way int

// Is observes the value itself, Begins one that begins so, BeginsNot one that does not.
const (
	Is Way = iota
	Begins
	BeginsNot
)

func (o Observation) fits(value string) bool {
	switch o.Way {
	case Begins:
		return strings.HasPrefix(value, o.Value)
	case BeginsNot:
		return !strings.HasPrefix(value, o.Value)
	}
	return value == o.Value
}

func (o Observation) String() string {
	return o.Register + []string{" is ", " begins with ", " does not begin with "}[o.Way] + fmt.Sprintf("%q", o.Value)
}

// Fault is what is wrong with an answer.
type Fault string

// The faults.
const (
	// Stale: the value had been overwritten, by a write that the answer had to reflect.
	Stale Fault = "stale"
	// NeverWas: nobody had written such a value, the whole of it, by then.
	NeverWas Fault = "a state that never was"
	// Lost: in the end an acknowledged write is not there.
	Lost Fault = "a lost write"
)

// Violation is an answer that no serial order explains.
type Violation struct {
	Fault       Fault
	Read        *Read
	Observation Observation
	// Missed is the latest write that the answer had to reflect, nil where the fault is another.
	Missed *Write
}

func (v Violation) String() string {
	text := fmt.Sprintf("%s: replica %d was asked for %s from %s to %s", v.Fault, v.Read.Replica, v.Read.What, v.Read.Start, v.Read.End)
	if a := v.Read.AtLeast; a != nil {
		text += fmt.Sprintf(", at the revision of %s = %q (from %s to %s)", a.Register, a.Value, a.Start, a.Ack)
	}
	text += ": " + v.Observation.String()
	if m := v.Missed; m != nil {
		text += fmt.Sprintf(", after replica %d had taken %q from %s to %s", m.Replica, m.Value, m.Start, m.Ack)
	}
	return text
}

// Checker holds the writes of a run.
type Checker struct {
	// Staleness is how far a replica may be behind the writes on others.
	Staleness time.Duration
	writes    map[string][]*Write
}

// New returns a checker of writes, those of the set-up included.
func New(staleness time.Duration, writes []*Write) *Checker {
	c := &Checker{Staleness: staleness, writes: map[string][]*Write{}}
	for _, w := range writes {
		c.writes[w.Register] = append(c.writes[w.Register], w)
	}
	return c
}

// Check returns what is wrong with an answer.
func (c *Checker) Check(r *Read) []Violation {
	var out []Violation
	for _, o := range r.Observations {
		if v := c.judge(r, o); v != nil {
			out = append(out, *v)
		}
	}
	return out
}

func (c *Checker) judge(r *Read, o Observation) *Violation {
	writes := c.writes[o.Register]
	last := c.last(r, writes)
	written := false
	for _, w := range writes {
		if !o.fits(w.Value) || w.Start > r.End {
			continue
		}
		if last == nil || w.Ack >= last.Start { // not overwritten for certain
			return nil
		}
		written = true
	}
	v := &Violation{Fault: NeverWas, Read: r, Observation: o}
	if written {
		v.Fault, v.Missed = Stale, last
		if r.Settled {
			v.Fault = Lost
		}
	}
	return v
}

// last is the write that began last of those that the answer has to reflect: what was acknowledged before it began is
// overwritten.
func (c *Checker) last(r *Read, writes []*Write) *Write {
	var last *Write
	for _, w := range writes {
		if c.owed(r, w) && (last == nil || w.Start > last.Start) {
			last = w
		}
	}
	return last
}

// owed reports whether an answer has to reflect a write.
func (c *Checker) owed(r *Read, w *Write) bool {
	switch {
	case w.Ack == Never:
		return false
	case r.Settled, w == r.AtLeast:
		return true
	case r.AtLeast != nil && w.Ack <= r.AtLeast.Start: // committed before that one, so that its revision includes it
		return true
	case w.Replica == r.Replica:
		return w.Ack <= r.Start
	}
	return w.Ack <= r.Start-c.Staleness
}

// Registers lists every register that was written.
func (c *Checker) Registers() []string {
	names := make([]string, 0, len(c.writes))
	for name := range c.writes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
