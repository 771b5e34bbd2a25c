package plan

import (
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/roster-gateway/roster/directory"
)

// kinds is a set of kinds of identity, as bits of their places in noun.
type kinds uint8

const (
	onlyUser kinds = 1 << iota
	onlyGroup
	onlyRole
	containers = onlyGroup | onlyRole
	anyKind    = onlyUser | containers
)

// noun are the object types behind Identity and Container, by place.
var noun = [3]string{"User", "Group", "Role"}

func place(k directory.IdentityKind) int {
	switch k {
	case directory.KindGroup:
		return 1
	case directory.KindRole:
		return 2
	default:
		return 0
	}
}

// people is what is selected on identities: the fields of each kind, and the steps that read what they need.
type people struct {
	fields [3][]field
	steps  []step
	// of are the kinds that a step is for.
	of []kinds
}

// field is a field of an identity: a leaf, or a step by its place.
type field struct {
	name
	leaf leaf[*directory.Record]
	step int
}

// step reads a field of identities.
type step interface {
	// read resolves the field for all records of a level at once; those that are nil or of another kind are not asked
	// about. Its failures are part of the answers.
	read(x *execution, records []*directory.Record, of kinds) answers
}

// answers are a field's answers about the records of a level.
type answers interface {
	// write appends the answer about the record at i. It reports false, having appended anything, where there is none
	// although the schema demands one.
	write(w *writer, n *name, i int) bool
}

// stepKey tells steps apart: interfaces select the same field for several kinds, which is read once for all.
type stepKey struct {
	field *ast.Field
	child any
}

// people compiles a selection on identities of some kinds.
func (c *compiler) people(set ast.SelectionSet, of kinds) *people {
	return once(c, fmt.Sprint("people", of), set, func() *people {
		p := &people{}
		steps := map[stepKey]int{}
		for at := range noun {
			if of&(1<<at) != 0 && !c.failed {
				c.kind(p, at, set, steps)
			}
		}
		return p
	})
}

// kind compiles what is selected on one kind of identity.
func (c *compiler) kind(p *people, at int, set ast.SelectionSet, steps map[stepKey]int) {
	for _, f := range c.collect(set, noun[at]) {
		out := field{name: nameOf(f), step: -1}
		switch {
		case f.Name == "__typename":
			out.leaf = constant[*directory.Record](noun[at])
		case f.Name == "attributes":
			out.leaf = c.attributes(f)
		case identityLeaves[f.Name] != nil:
			out.leaf = identityLeaves[f.Name]
		case at == 0 && userLeaves[f.Name] != nil:
			out.leaf = userLeaves[f.Name]
		default:
			read, child := c.step(f, at)
			if read == nil {
				c.leave()
				return
			}
			key := stepKey{f.Field, child}
			known, ok := steps[key]
			if !ok {
				known = len(p.steps)
				steps[key] = known
				p.steps, p.of = append(p.steps, read), append(p.of, 0)
			}
			p.of[known] |= 1 << at
			out.step = known
		}
		p.fields[at] = append(p.fields[at], out)
	}
}

// step compiles a field that has to be read, with what is selected below it; nil where plans do not cover it.
func (c *compiler) step(f graphql.CollectedField, at int) (step, any) {
	switch f.Name {
	case "memberOf":
		conn := c.connection(f, containers)
		return &links{conn: conn, list: directory.ListMemberOf, way: directory.Up, slot: c.slot(f, decodeLinkArgs)}, conn
	case "aliases":
		return aliases{}, nil
	case "provider", "instance":
		s := c.source(f)
		return s, s
	}
	if at == 0 {
		switch f.Name {
		case "manager":
			child := c.people(f.Selections, onlyUser)
			return &manager{people: child}, child
		case "reports":
			conn := c.connection(f, onlyUser)
			return &reports{conn: conn, slot: c.slot(f, decodePageArgs)}, conn
		}
		return nil, nil
	}
	switch f.Name {
	case "members":
		conn := c.connection(f, anyKind)
		return &links{conn: conn, list: directory.ListMembers, way: directory.Down, slot: c.slot(f, decodeLinkArgs)}, conn
	case "memberCount":
		return &memberCount{slot: c.slot(f, decodeLinkArgs)}, nil
	case "hasMember":
		return &hasMember{slot: c.slot(f, decodeHasMember)}, nil
	}
	return nil, nil
}

// level is the identities that one place of an operation selects, with all that was read for them.
type level struct {
	people  *people
	records []*directory.Record
	answers []answers
}

// level reads everything that is selected on records. A nil record is an identity that is not there.
func (x *execution) level(p *people, records []*directory.Record) *level {
	l := &level{people: p, records: records}
	if len(p.steps) == 0 || len(records) == 0 {
		return l
	}
	l.answers = make([]answers, len(p.steps))
	for i, s := range p.steps {
		l.answers[i] = s.read(x, records, p.of[i])
	}
	return l
}

// asked reports whether a step for some kinds is about a record.
func asked(r *directory.Record, of kinds) bool { return r != nil && of&(1<<place(r.Kind)) != 0 }

// write appends the identity at i; the caller knows that it is there.
func (l *level) write(w *writer, i int) bool {
	r := l.records[i]
	fields := l.people.fields[place(r.Kind)]
	w.out = append(w.out, '{')
	valid := true
	for n := range fields {
		f := &fields[n]
		if n > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, f.key...)
		if f.leaf != nil {
			w.out = f.leaf(w.out, r)
			continue
		}
		w.enter(f.response)
		if !l.answers[f.step].write(w, &f.name, i) {
			valid = false
		}
		w.exit()
	}
	w.out = append(w.out, '}')
	return valid
}

// writeOptional appends the identity at i, or null where there is none or it cannot be told.
func (l *level) writeOptional(w *writer, i int) bool {
	if l.records[i] == nil {
		return w.null()
	}
	start := len(w.out)
	if !l.write(w, i) {
		w.out = w.out[:start]
		return w.null()
	}
	return true
}
