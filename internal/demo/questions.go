package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// WhoApproves is the first question, as a workflow engine asks it.
const WhoApproves = `query WhoApproves {
  resolve(fqns: ["Purchase Approvers"]) {
    results {
      fqn
      status
      users(first: 3) {
        totalCount
        nodes { fqn displayName email }
      }
    }
  }
}`

// whyApproves is the second one.
const whyApproves = `query WhyApproves($member: String!) {
  checkMembership(checks: [{member: $member, container: "Purchase Approvers"}]) {
    isMember
    path { fqn }
  }
}`

// questions asks both and prints what was asked, the answers and the time they took.
func (d *demo) questions(ctx context.Context) error {
	d.heading("Who approves purchases?")
	d.indented(WhoApproves)
	var resolved struct {
		Resolve struct {
			Results []struct {
				Status string
				Users  struct{ TotalCount int }
			}
		}
	}
	data, took, err := d.admin.ask(ctx, WhoApproves, nil, &resolved)
	if err != nil {
		return err
	}
	if len(resolved.Resolve.Results) != 1 || resolved.Resolve.Results[0].Status != "RESOLVED" {
		return fmt.Errorf("the role %q does not resolve", Role)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, data, "", "  "); err != nil {
		return err
	}
	d.indented(pretty.String())
	again, err := d.again(ctx)
	if err != nil {
		return err
	}
	d.printf("  %d people behind one role: groups nested six deep, two identity providers, nobody twice,\n  nobody who has left. Answered over HTTP in %s the first time, %s when asked again.\n",
		resolved.Resolve.Results[0].Users.TotalCount, milliseconds(took), milliseconds(again))
	return d.why(ctx)
}

// again asks the first question some more times and returns the middle of the times taken.
func (d *demo) again(ctx context.Context) (time.Duration, error) {
	times := make([]time.Duration, 21)
	for i := range times {
		var answer struct{}
		var err error
		if _, times[i], err = d.admin.ask(ctx, WhoApproves, nil, &answer); err != nil {
			return 0, err
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

func (d *demo) why(ctx context.Context) error {
	member := CompanyLabel + ":" + d.deepest().UserName
	d.heading("And why may " + d.deepest().DisplayName() + "?")
	var checked struct {
		CheckMembership []struct {
			IsMember bool
			Path     []struct{ FQN string }
		}
	}
	_, took, err := d.admin.ask(ctx, whyApproves, object{"member": member}, &checked)
	if err != nil {
		return err
	}
	if len(checked.CheckMembership) != 1 || !checked.CheckMembership[0].IsMember {
		return fmt.Errorf("%s is not in the role %q", member, Role)
	}
	var steps []string
	for _, step := range checked.CheckMembership[0].Path {
		steps = append(steps, step.FQN)
	}
	d.printf("  checkMembership answers with the path, in %s:\n\n    %s\n", milliseconds(took), strings.Join(steps, "\n    -> "))
	return nil
}

// deepest is somebody at the inner end of the nested groups.
func (d *demo) deepest() Person {
	var key string
	for _, g := range d.company.Groups {
		if g.Name == "Approvers Oslo Harbour" {
			key = g.People[0]
		}
	}
	for _, p := range d.company.People {
		if p.Key == key {
			return p
		}
	}
	return Person{} // there is no such company
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
