package scim_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// The store answers every filter as it is answered in memory on the resource that clients see, whatever is absent, null
// or there several times.
func TestFiltersAreAnsweredAsInMemory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.populate(t, 60)
	asked := 0
	for _, c := range []struct {
		endpoint string
		rt       *schema.ResourceType
	}{{"/Users", schema.Default().ResourceType("User")}, {"/Groups", schema.Default().ResourceType("Group")}} {
		resources := w.get(c.endpoint + "?count=1000").is(http.StatusOK).at("Resources").([]any)
		terms := termsOf(c.rt, resources)
		rapid.Check(t, func(rt *rapid.T) {
			text := anyFilter(terms, 3).Draw(rt, "filter")
			e, err := filter.Parse(text)
			if err != nil {
				rt.Fatalf("%s: %v", text, err)
			}
			f, err := filter.Bind(e, c.rt)
			if err != nil {
				rt.Fatalf("%s: %v", text, err)
			}
			want := []string{}
			for _, r := range resources {
				if resource := r.(map[string]any); f.Match(resource) {
					want = append(want, resource["id"].(string))
				}
			}
			if got := w.get(c.endpoint + "?count=1000&filter=" + escaped(text)).ids(); strings.Join(got, " ") != strings.Join(want, " ") {
				rt.Fatalf("%s: the store finds %v, memory %v", text, got, want)
			}
			if 0 < len(want) && len(want) < len(resources) {
				asked++
			}
		})
	}
	if asked < 5 {
		t.Errorf("only %d filters told resources apart", asked)
	}
}

// populate creates users with all sorts of attributes, by bulk requests, and groups of them.
func (w *world) populate(t testing.TB, users int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	some := func(values ...string) string { return values[rnd.IntN(len(values))] }
	maybe := func(text string) string {
		if rnd.IntN(2) == 0 {
			return ""
		}
		return text
	}
	operations := []string{}
	for i := range users {
		name := fmt.Sprintf("%s%d@x", some("Ana", "ben", "Zoé", "eve_", "Straße"), i)
		data := fmt.Sprintf(`{"userName":%q`, name) +
			maybe(fmt.Sprintf(`,"externalId":"%s%d"`, some("e", "E"), i)) +
			maybe(fmt.Sprintf(`,"displayName":%q`, some("Ana", "Boss", name))) +
			maybe(`,"active":`+some("true", "false", `"False"`)) +
			maybe(fmt.Sprintf(`,"title":%q`, some("Boss", "boss", "", "a%_"))) +
			maybe(fmt.Sprintf(`,"name":{"givenName":%q%s}`, some("Ana", "ÉVE"), maybe(`,"familyName":"Boss"`))) +
			maybe(fmt.Sprintf(`,"emails":[{"value":%q,"type":%q%s}%s]`, some(name, "boss@work"), some("work", "WORK", "home"), maybe(`,"primary":true`), maybe(`,{"value":"Boss@Work"}`))) +
			maybe(`,"roles":[{"value":"a"},{"value":"b","primary":true}]`) +
			maybe(`,"phoneNumbers":null,"ims":[]`)
		manager := ""
		if i > 0 {
			manager = maybe(fmt.Sprintf(`"manager":"bulkId:%d",`, rnd.IntN(i)))
		}
		data += maybe(`,"`+enterprise+`":{`+manager+`"department":"`+some("Boss", "a")+`"}`) + "}"
		operations = append(operations, create("Users", fmt.Sprint(i), data))
	}
	for i := range users / 4 {
		members := []string{}
		for range rnd.IntN(4) {
			members = append(members, fmt.Sprintf(`"bulkId:%d"`, rnd.IntN(users)))
		}
		if i > 0 {
			members = append(members, fmt.Sprintf(`"bulkId:g%d"`, rnd.IntN(i)))
		}
		data := fmt.Sprintf(`{"displayName":"%s %d"%s,"members":[%s]}`, some("Boss", "group"), i, maybe(fmt.Sprintf(`,"externalId":"g%d"`, i)), maybe(strings.Join(members, ",")))
		operations = append(operations, create("Groups", fmt.Sprint("g", i), data))
	}
	for text := range strings.SplitSeq(w.bulk(strings.Join(operations, ",")).statuses(), " ") {
		if text != "201" {
			t.Fatalf("a resource was answered by %s", text)
		}
	}
}

// term is an attribute that filters can be about: the operators that it knows, and values for it.
type term struct {
	path, operators string
	values          []string
	elements        []term // of its sub-attributes, for brackets
}

const (
	everyOperator = "eq ne co sw ew gt ge lt le"
	equality      = "eq ne"
	order         = "eq ne gt ge lt le"
)

// termsOf lists the attributes of a type, with values that the resources have and others.
func termsOf(rt *schema.ResourceType, resources []any) []term {
	texts := []string{`"a"`, `"ana"`, `"Boss"`, `"boss@work"`, `""`, `"@"`, `"zoé"`, `"STRASSE"`, `"%"`, `null`, `"work"`, `"e"`, `"User"`, `"direct"`, `"urn:"`}
	ids, addresses, dates, versions := []string{`"x"`, `null`}, []string{`"x"`}, []string{`"2020-01-01T00:00:00Z"`}, []string{`"W/\"1\""`, `"x"`}
	for i, r := range resources {
		resource := &answer{body: r.(map[string]any)}
		ids, addresses = append(ids, quote(resource.text("id"))), append(addresses, quote(resource.text("meta", "location")))
		texts = append(texts, quote(resource.text("displayName")), quote(resource.text("userName")))
		dates = append(dates, quote(resource.text("meta", "created")), quote(resource.text("meta", "lastModified")))
		for _, list := range []string{"groups", "members"} {
			ids, addresses = append(ids, quote(resource.text(list, 0, "value"))), append(addresses, quote(resource.text(list, 0, "$ref")))
			texts = append(texts, quote(resource.text(list, i%2, "display")))
		}
		ids = append(ids, quote(resource.text(enterprise, "manager", "value")))
	}
	of := func(a *schema.Attribute, path string) term {
		switch {
		case a.Name == "$ref" || a.Name == "location":
			return term{path: path, operators: equality, values: addresses}
		case a.Name == "id" || a.Name == "value" && strings.Contains(a.Description, "id of"):
			return term{path: path, operators: everyOperator, values: ids}
		case a.Name == "version":
			return term{path: path, operators: everyOperator, values: versions}
		case a.Type == schema.Boolean:
			return term{path: path, operators: equality, values: []string{"true", "False", "null"}}
		case a.Type == schema.DateTime:
			return term{path: path, operators: order, values: dates}
		case a.Type == schema.Binary:
			return term{path: path, operators: equality, values: texts}
		}
		return term{path: path, operators: everyOperator, values: texts}
	}
	out := []term{}
	for _, s := range append([]*schema.Schema{rt.Common, rt.Core}, rt.Extensions...) {
		for _, a := range s.Attributes {
			path := a.Name
			if s.Name != rt.Common.Name && s != rt.Core {
				path = s.ID + ":" + path
			}
			if a.Returned == schema.Never {
				continue
			}
			if a.Type != schema.Complex {
				out = append(out, of(a, path))
				continue
			}
			whole := term{path: path}
			for _, sub := range a.SubAttributes {
				out = append(out, of(sub, path+"."+sub.Name))
				whole.elements = append(whole.elements, of(sub, sub.Name))
			}
			out = append(out, whole)
		}
	}
	return out
}

func quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

// anyFilter draws a filter on some terms.
func anyFilter(terms []term, depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		if depth > 0 {
			inner := func(name string) string { return anyFilter(terms, depth-1).Draw(t, name) }
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				return "(" + inner("left") + " and " + inner("right") + ")"
			case 1:
				return "(" + inner("left") + " or " + inner("right") + ")"
			case 2:
				return "not (" + inner("term") + ")"
			}
		}
		on := rapid.SampledFrom(terms).Draw(t, "attribute")
		if on.elements != nil && rapid.Bool().Draw(t, "brackets") {
			return on.path + "[" + anyFilter(on.elements, min(depth, 2)).Draw(t, "where") + "]"
		}
		if on.operators == "" || rapid.IntRange(0, 4).Draw(t, "presence") == 0 {
			return on.path + " pr"
		}
		op := rapid.SampledFrom(strings.Fields(on.operators)).Draw(t, "op")
		value := rapid.SampledFrom(on.values).Draw(t, "value")
		if value == "null" && op != "ne" {
			op = "eq"
		}
		return on.path + " " + op + " " + value
	})
}
