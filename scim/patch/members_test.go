package patch_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/scim/patch"
)

func members(t testing.TB, operations string) (patch.MemberChange, []patch.Op, error) {
	t.Helper()
	ops, err := patch.Parse(decode(t, `{"Operations":[`+operations+`]}`), resourceType("Group"))
	if err != nil {
		return patch.MemberChange{}, nil, err
	}
	return patch.Members(ops)
}

func TestMembers(t *testing.T) {
	type change = patch.MemberChange
	for name, c := range map[string]struct {
		ops  string
		want change
		rest int
	}{
		"add":                               {`{"op":"Add","path":"members","value":[{"$ref":null,"value":"1"},{"value":"2","type":"User","display":"d"}]}`, change{Add: []string{"1", "2"}}, 0},
		"add one, as object or text":        {`{"op":"add","path":"members","value":{"value":"1"}},{"op":"add","path":"members","value":"2"}`, change{Add: []string{"1", "2"}}, 0},
		"add without a path":                {`{"op":"add","value":{"members":[{"value":"1"}],"displayName":"n"}}`, change{Add: []string{"1"}}, 1},
		"add nothing":                       {`{"op":"add","path":"members","value":[]}`, change{}, 0},
		"Entra removes those it lists":      {`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"1"}]}`, change{Remove: []string{"1"}}, 0},
		"Entra removes by value path":       {`{"op":"Remove","path":"members[value eq \"1\"]"}`, change{Remove: []string{"1"}}, 0},
		"several by value path":             {`{"op":"remove","path":"members[value eq \"1\" or value eq \"2\"]"}`, change{Remove: []string{"1", "2"}}, 0},
		"remove members.value by filter":    {`{"op":"remove","path":"members[value eq \"1\"].value"}`, change{Remove: []string{"1"}}, 0},
		"remove all":                        {`{"op":"remove","path":"members"}`, change{Replace: true}, 0},
		"remove an empty list":              {`{"op":"remove","path":"members","value":[]}`, change{}, 0},
		"replace":                           {`{"op":"replace","path":"members","value":[{"value":"1"}]}`, change{Replace: true, Add: []string{"1"}}, 0},
		"replace by nothing":                {`{"op":"replace","path":"members","value":[]}`, change{Replace: true}, 0},
		"Okta mixes removes and adds":       {`{"op":"remove","path":"members[value eq \"1\"]"},{"op":"add","path":"members","value":[{"value":"2"}]}`, change{Add: []string{"2"}, Remove: []string{"1"}}, 0},
		"the last word counts: removed":     {`{"op":"add","path":"members","value":"1"},{"op":"remove","path":"members","value":"1"}`, change{Remove: []string{"1"}}, 0},
		"the last word counts: added":       {`{"op":"remove","path":"members","value":"1"},{"op":"add","path":"members","value":"1"}`, change{Add: []string{"1"}}, 0},
		"replace forgets what was before":   {`{"op":"add","path":"members","value":"1"},{"op":"replace","path":"members","value":"2"},{"op":"remove","path":"members","value":"3"}`, change{Replace: true, Add: []string{"2"}}, 0},
		"added after the list was emptied":  {`{"op":"remove","path":"members"},{"op":"add","path":"members","value":"1"}`, change{Replace: true, Add: []string{"1"}}, 0},
		"one member once":                   {`{"op":"add","path":"members","value":["1","1"]}`, change{Add: []string{"1"}}, 0},
		"members.value without a filter":    {`{"op":"add","path":"members.value","value":"1"}`, change{Add: []string{"1"}}, 0},
		"a selected member again":           {`{"op":"add","path":"members[value eq \"1\"]","value":{"value":"1","display":"d"}}`, change{Add: []string{"1"}}, 0},
		"Okta renames, the value has an id": {`{"op":"replace","value":{"id":"g","displayName":"n"}}`, change{}, 1},
		"a core URN":                        {`{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:Group:members","value":"1"}`, change{Add: []string{"1"}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, rest, err := members(t, c.ops)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if len(rest) != c.rest {
				t.Errorf("%d other operations, want %d", len(rest), c.rest)
			}
			if got.Empty() != cmp.Equal(got, change{}) {
				t.Error("Empty is wrong")
			}
		})
	}
}

func TestMembersRefuses(t *testing.T) {
	for ops, want := range map[string]string{
		`{"op":"replace","path":"members"}`:                                     patch.InvalidValue,
		`{"op":"add","path":"members","value":[{"display":"x"}]}`:               patch.InvalidValue,
		`{"op":"remove","path":"members","value":[{"display":"x"}]}`:            patch.InvalidValue,
		`{"op":"remove","path":"members[display eq \"x\"]"}`:                    patch.InvalidFilter,
		`{"op":"remove","path":"members[value eq \"x\" and type eq \"User\"]"}`: patch.InvalidFilter,
		`{"op":"remove","path":"members[value ne \"x\"]"}`:                      patch.InvalidFilter,
		`{"op":"replace","path":"members[value eq \"x\"].value","value":"y"}`:   patch.Mutability,
		`{"op":"replace","path":"members[value eq \"x\"].type","value":"User"}`: patch.Mutability,
		`{"op":"replace","path":"members[value eq \"x\"].display","value":"d"}`: patch.Mutability,
		`{"op":"add","path":"members","value":[{"value":["x","y"]}]}`:           patch.InvalidValue,
	} {
		_, _, err := members(t, ops)
		if e := (*patch.Error)(nil); !errors.As(err, &e) || e.Type != want {
			t.Errorf("%s: %v, want %s", ops, err, want)
		}
	}
}

// Folding operations into one change comes to the same as carrying them out one by one on a list.
func TestMembersEqualsOneByOne(t *testing.T) {
	ids := rapid.SampledFrom([]string{"1", "2", "3", "4"})
	rapid.Check(t, func(rt *rapid.T) {
		before := rapid.SliceOfDistinct(ids, rapid.ID[string]).Draw(rt, "before")
		want := slices.Clone(before)
		ops := []string{}
		for range rapid.IntRange(1, 6).Draw(rt, "operations") {
			listed := rapid.SliceOf(ids).Draw(rt, "ids")
			value := "[]"
			if len(listed) > 0 {
				value = `["` + strings.Join(listed, `","`) + `"]`
			}
			switch rapid.IntRange(0, 4).Draw(rt, "kind") {
			case 0:
				ops = append(ops, `{"op":"add","path":"members","value":`+value+`}`)
				want = append(want, listed...)
			case 1:
				ops = append(ops, `{"op":"remove","path":"members","value":`+value+`}`)
				want = slices.DeleteFunc(want, func(id string) bool { return slices.Contains(listed, id) })
			case 2:
				ops = append(ops, `{"op":"replace","path":"members","value":`+value+`}`)
				want = listed
			case 3:
				ops = append(ops, `{"op":"remove","path":"members"}`)
				want = nil
			case 4:
				id := ids.Draw(rt, "id")
				ops = append(ops, `{"op":"remove","path":"members[value eq \"`+id+`\"]"}`)
				want = slices.DeleteFunc(want, func(other string) bool { return other == id })
			}
		}
		change, _, err := members(t, strings.Join(ops, ","))
		if err != nil {
			rt.Fatal(err)
		}
		got := before
		if change.Replace {
			got = nil
		}
		got = append(slices.Clone(got), change.Add...)
		got = slices.DeleteFunc(got, func(id string) bool { return slices.Contains(change.Remove, id) })
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(slices.Compact(want), slices.Compact(got), cmp.Transformer("empty", func(l []string) string { return strings.Join(l, " ") })); diff != "" {
			rt.Fatalf("%v: %+v: %s", ops, change, diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Operations":[{"op":"Add","path":"emails[type eq \"work\"].value","value":"x"},{"op":"remove","path":"name"}]}`)
	f.Add(`{"Operations":[{"op":"replace","value":{"name.givenName":"x","` + enterprise + `:manager":"m","emails":[{"value":"a","primary":"True"}]}}]}`)
	f.Add(`{"Operations":[{"op":"add","path":"urn:x:y","value":null},{"op":"remove","path":"members[value eq \"1\"]"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		if !strings.HasPrefix(body, "{") || !jsonObject(body) {
			return
		}
		for _, name := range []string{"User", "Group"} {
			ops, err := patch.Parse(decode(t, body), resourceType(name))
			if err != nil {
				checkError(t, err)
				continue
			}
			_, rest, err := patch.Members(ops)
			if err != nil {
				checkError(t, err)
				continue
			}
			resource := decode(t, `{"title":"t","name":{"givenName":"g"},"emails":[{"value":"a","type":"work","primary":true},{"value":"b"}]}`)
			after, err := patch.Apply(resource, rest)
			if err != nil {
				checkError(t, err)
				continue
			}
			if _, err := resourceType("User").Normalize(after); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
		}
	})
}
