package graphqlhttp

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestMeasure(t *testing.T) {
	cases := map[string]struct {
		query     string
		variables map[string]any
		want      int64
	}{
		"leaves cost nothing":            {query: "{revision __typename}", want: 0},
		"an object":                      {query: "{viewer{name}}", want: 1},
		"a page":                         {query: "{users(first:50){nodes{id}}}", want: 51},
		"a page of the schema's default": {query: "{users{nodes{id} pageInfo{hasNextPage} totalCount}}", want: 52},
		"edges":                          {query: "{users(first:5){edges{node{id}}}}", want: 1 + 5*(1+1)},
		"three nested pages": {
			query: "{users(first:50){nodes{memberOf(first:10){nodes{members(first:10){nodes{fqn}}}}}}}",
			want:  1 + 50*(1+1+10*(1+1+10)),
		},
		"a page of 1,000": {
			query: "query($g:ID!){group(id:$g){members(first:1000){nodes{id fqn}}}}",
			want:  1 + 1 + 1000,
		},
		"a batch":                       {query: `{nodes(ids:["a","b","c"]){id}}`, want: 3},
		"a batch in a variable":         {query: `query($i:[ID!]!){nodes(ids:$i){id}}`, variables: map[string]any{"i": []any{"a", "b"}}, want: 2},
		"a batch around pages":          {query: `{resolve(fqns:["a","b"]){results{users{nodes{id}}}}}`, want: 1 + 2*(1+1+200)},
		"a list of unknown length":      {query: "{providers{instances{id}}}", want: 10 * (1 + 10)},
		"a variable":                    {query: "query($n:Int!){users(first:$n){nodes{id}}}", variables: map[string]any{"n": int64(7)}, want: 8},
		"a variable as a number's text": {query: "query($n:Int!){users(first:$n){nodes{id}}}", variables: map[string]any{"n": "7"}, want: 8},
		"a variable as JSON has it":     {query: "query($n:Int!){users(first:$n){nodes{id}}}", variables: map[string]any{"n": json.Number("7")}, want: 8},
		"a variable that was left out":  {query: "query($n:Int=3){users(first:$n){nodes{id}}}", want: 51},
		"a page below one":              {query: "{users(first:-5){nodes{id}}}", want: 2},
		"a fragment twice":              {query: "{a:viewer{...V} b:viewer{...V}} fragment V on Viewer{identity{id}}", want: 4},
		"a fragment on a connection":    {query: "{a:users(first:2){...C} b:users(first:3){...C}} fragment C on UserConnection{nodes{id}}", want: 1 + 2 + 1 + 3},
		"inline fragments":              {query: `{node(id:"1"){...on User{manager{id}} ...on Group{memberOf(first:2){nodes{id}}}}}`, want: 1 + 1 + 1 + 2},
		"a count":                       {query: `{group(id:"1"){memberCount hasMember(fqn:"a")}}`, want: 1 + 10 + 3},
		"a count of each of a page":     {query: "{groups(first:100){nodes{memberCount(scope:EFFECTIVE)}}}", want: 1 + 100*(1+10)},
		"counts hidden in fragments":    {query: "{groups(first:100){nodes{...A ...A}}} fragment A on Group{a:memberCount b:memberCount}", want: 1 + 100*(1+4*10)},
		"saturation": {
			query: "{users(first:9223372036854775807){nodes{memberOf(first:9223372036854775807){nodes{id}}}}}",
			want:  math.MaxInt64,
		},
	}
	schema := newFixture(t).schema().Schema()
	docs := newDocuments(schema, DefaultLimits())
	scale := newScale(schema, 10, func(f *ast.FieldDefinition) int64 {
		return map[string]int64{"memberCount": 10, "hasMember": 3}[f.Name]
	})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			doc, errs := docs.get(c.query, true)
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if got := scale.measure(doc.ast.Operations[0], c.variables); got != c.want {
				t.Errorf("cost %d, want %d", got, c.want)
			}
		})
	}
}

func TestCoordinates(t *testing.T) {
	const query = `{node(id:"1"){id ...on User{...U manager{...U}} ...on Identity{fqn __typename}} ...Q}
		fragment U on User{userName provider{name}}
		fragment Q on Query{viewer{name} ...Q2} fragment Q2 on Query{viewer{scopes}}`
	docs := newDocuments(newFixture(t).schema().Schema(), DefaultLimits())
	doc, errs := docs.get(query, true)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	want := []string{
		"Identity.fqn", "Node.id", "Provider.name", "Query.node", "Query.viewer", "User.manager", "User.provider",
		"User.userName", "Viewer.name", "Viewer.scopes",
	}
	if diff := cmp.Diff(want, Coordinates(doc.ast.Operations[0])); diff != "" {
		t.Error(diff)
	}
}
