package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/roster-gateway/roster/internal/soak/history"
)

// question is one GraphQL query and what its answer says of registers.
type question struct {
	what, query string
	variables   object
	// observe is given a fresh answer to decode into, and then told that it is decoded.
	answer  any
	observe func() []history.Observation
}

// reader is one client that reads.
type reader struct {
	*world
	random *rand.Rand
}

// ask asks any replica something, half of the times at the revision of a late write, and then about what that wrote.
func (w *reader) ask(ctx context.Context) {
	r := w.replicas[w.random.IntN(len(w.replicas))]
	var q *question
	var recent *revised
	if w.random.IntN(2) == 0 {
		if recent = w.someRecent(w.random); recent != nil && w.random.IntN(3) > 0 {
			q = w.about(recent.Register)
		}
	}
	if q == nil {
		q = w.anything()
	}
	read := &history.Read{Replica: r.index, Start: w.now(), What: q.what}
	revision := ""
	if recent != nil {
		read.AtLeast, revision = recent.Write, recent.revision
	}
	_, err := r.graphQL(ctx, w.read, revision, q.query, q.variables, q.answer)
	read.End = w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if err != nil {
		refused := (*refusal)(nil)
		if errors.As(err, &refused) && refused.unavailable {
			w.busy++
		} else if ctx.Err() == nil {
			w.mistaken++
			w.problem(fmt.Errorf("asking for %s: %w", q.what, err))
		}
		return
	}
	if w.recording {
		read.Observations = q.observe()
		w.reads = append(w.reads, read)
	}
}

// about asks about one register, nil where there is no question of its own.
func (w *world) about(register string) *question {
	if id, ok := strings.CutPrefix(register, "person/"); ok {
		return w.askPerson(id)
	}
	container, member, isLink := strings.Cut(register, "/")
	switch {
	case isLink && container == roleName:
		return w.askRole()
	case isLink:
		return w.askCheck(container, member)
	case strings.HasPrefix(register, "named"):
		return w.askName(register)
	case strings.HasPrefix(register, "pair"):
		return w.askPairs()
	}
	return nil
}

func (w *reader) anything() *question {
	t, i := team(w.random.IntN(teams)), user(w.random.IntN(members))
	switch w.random.IntN(8) {
	case 0:
		return w.askTeam(t)
	case 1:
		return w.askCheck(t, i)
	case 2:
		return w.askResolve(t)
	case 3:
		return w.askPrincipals(i)
	case 4:
		return w.askRole()
	case 5:
		return w.askPairs()
	case 6:
		return w.askName(renamed(w.random.IntN(clients)))
	}
	if id := w.somePerson(w.random); id != "" {
		return w.askPerson(id)
	}
	return w.askTeam(t)
}

// node is an identity in an answer.
type node struct{ ID string }

type list struct {
	TotalCount int
	Nodes      []node
}

// linksOf says who of all members is in a container.
func (w *world) linksOf(container string, l list) []history.Observation {
	in := w.named(l)
	var out []history.Observation
	for i := range members {
		value := "out"
		if in[user(i)] {
			value = "in"
		}
		out = append(out, history.Observation{Register: container + "/" + user(i), Value: value})
	}
	return append(out, odd(len(in) != len(l.Nodes), "a list that names somebody twice or a stranger")...)
}

func (w *world) named(l list) map[string]bool {
	in := map[string]bool{}
	for _, n := range l.Nodes {
		if name := w.names[n.ID]; name != "" {
			in[name] = true
		}
	}
	return in
}

// odd observes what no state can show, as a register that nobody wrote.
func odd(is bool, what string) []history.Observation {
	if !is {
		return nil
	}
	return []history.Observation{{Register: what, Value: "shown"}}
}

func (w *world) askTeam(name string) *question {
	answer := &struct {
		Group struct {
			MemberCount int
			Members     list
		}
	}{}
	return &question{
		what: "the members of " + name, variables: object{"id": w.ids[name]}, answer: answer,
		query: `query($id: ID!) { group(id: $id) { memberCount(scope: EFFECTIVE) members(scope: EFFECTIVE, first: 1000) { totalCount nodes { id } } } }`,
		observe: func() []history.Observation {
			g := answer.Group
			differ := g.MemberCount != len(g.Members.Nodes) || g.Members.TotalCount != g.MemberCount
			return append(w.linksOf(name, g.Members), odd(differ, "members and another count of them")...)
		},
	}
}

func (w *world) askRole() *question {
	answer := &struct{ Role struct{ Members list } }{}
	return &question{
		what: "the members of the role", variables: object{"name": roleName}, answer: answer,
		query:   `query($name: String!) { role(name: $name) { members(first: 1000) { nodes { id } } } }`,
		observe: func() []history.Observation { return w.linksOf(roleName, answer.Role.Members) },
	}
}

func (w *world) askPairs() *question {
	answer := &struct{ Group struct{ Members list } }{}
	return &question{
		what: "the members of pairs", variables: object{"id": w.ids["pairs"]}, answer: answer,
		query: `query($id: ID!) { group(id: $id) { members(first: 1000) { nodes { id } } } }`,
		observe: func() []history.Observation {
			in := w.named(answer.Group.Members)
			var out []history.Observation
			for p := range pairs {
				value := map[[2]bool]string{{true, false}: "a", {false, true}: "b", {true, true}: "both"}[[2]bool{in[paired(p, "a")], in[paired(p, "b")]}]
				out = append(out, history.Observation{Register: pair(p), Value: value})
			}
			return out
		},
	}
}

func (w *world) askCheck(container, member string) *question {
	answer := &struct{ CheckMembership []struct{ IsMember bool } }{}
	containers := []string{"HR:" + container}
	if container == team(0) {
		containers = append(containers, "HR:outer") // which has its members and no others
	}
	var checks []object
	for _, c := range containers {
		checks = append(checks, object{"member": "HR:" + member, "container": c})
	}
	return &question{
		what: member + " in " + container, variables: object{"checks": checks}, answer: answer,
		query: `query($checks: [MembershipCheckInput!]!) { checkMembership(checks: $checks) { isMember } }`,
		observe: func() []history.Observation {
			value := "out"
			if answer.CheckMembership[0].IsMember {
				value = "in"
			}
			last := answer.CheckMembership[len(answer.CheckMembership)-1]
			return append(
				odd(last.IsMember != answer.CheckMembership[0].IsMember, "a member of a nested group who is not in the outer one"),
				history.Observation{Register: container + "/" + member, Value: value},
			)
		},
	}
}

func (w *world) askResolve(name string) *question {
	answer := &struct {
		Resolve struct{ Results []struct{ Users list } }
	}{}
	return &question{
		what: "everybody behind " + name, variables: object{"fqns": []string{"HR:" + name}}, answer: answer,
		query:   `query($fqns: [String!]!) { resolve(fqns: $fqns) { results { users(first: 1000) { nodes { id } } } } }`,
		observe: func() []history.Observation { return w.linksOf(name, answer.Resolve.Results[0].Users) },
	}
}

func (w *world) askPrincipals(member string) *question {
	answer := &struct{ Principals []string }{}
	return &question{
		what: "the principals of " + member, variables: object{"fqn": "HR:" + member}, answer: answer,
		query: `query($fqn: String!) { principals(fqn: $fqn) }`,
		observe: func() []history.Observation {
			in := map[string]bool{}
			for _, fqn := range answer.Principals {
				in[strings.TrimPrefix(fqn, "HR:")] = true
			}
			out := odd(!in[member], "somebody without themselves among their principals")
			containers := []string{roleName}
			for t := range teams {
				containers = append(containers, team(t))
			}
			for _, c := range containers {
				value := "out"
				if in[c] {
					value = "in"
				}
				out = append(out, history.Observation{Register: c + "/" + member, Value: value})
			}
			return out
		},
	}
}

func (w *world) askName(name string) *question {
	answer := &struct{ Group struct{ DisplayName string } }{}
	return &question{
		what: "the name of " + name, variables: object{"id": w.ids[name]}, answer: answer,
		query: `query($id: ID!) { group(id: $id) { displayName } }`,
		observe: func() []history.Observation {
			return []history.Observation{{Register: name, Value: answer.Group.DisplayName}}
		},
	}
}

func (w *world) askPerson(id string) *question {
	answer := &struct {
		User *struct{ Status, DisplayName string }
	}{}
	return &question{
		what: "the person " + id, variables: object{"id": id}, answer: answer,
		query: `query($id: ID!) { user(id: $id) { status displayName } }`,
		observe: func() []history.Observation {
			value := "absent"
			if answer.User != nil {
				value = personState(answer.User.Status, answer.User.DisplayName)
			}
			return []history.Observation{{Register: person(id), Value: value}}
		},
	}
}

// personState is a person's register: nobody asks what the deleted are called.
func personState(status, display string) string {
	if status == "DELETED" {
		return status
	}
	return status + " " + display
}
