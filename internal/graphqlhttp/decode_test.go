package graphqlhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestDecodeRequest(t *testing.T) {
	cases := map[string]struct {
		body string
		want graphql.RawParams
	}{
		"a query": {`{"query":"{a}"}`, graphql.RawParams{Query: "{a}"}},
		"everything": {
			` {"query":"{a}","operationName":"A","variables":{"a":[1,null,true,{"b":"\ud83d\ude00"}]},"extensions":{"c":2.5}} `,
			graphql.RawParams{
				Query: "{a}", OperationName: "A",
				Variables:  map[string]any{"a": []any{json.Number("1"), nil, true, map[string]any{"b": "😀"}}},
				Extensions: map[string]any{"c": json.Number("2.5")},
			},
		},
		"nulls":            {`{"query":"{a}","operationName":null,"variables":null,"extensions":null}`, graphql.RawParams{Query: "{a}"}},
		"keys not ours":    {`{"query":"{a}","Query":"{b}","id":"7"}`, graphql.RawParams{Query: "{a}"}},
		"a literal escape": {`{"query":"\\ud800"}`, graphql.RawParams{Query: `\ud800`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got graphql.RawParams
			if err := decodeRequest([]byte(c.body), 32, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRequestRefusals(t *testing.T) {
	cases := map[string]struct{ body, want string }{
		"nothing":                 {"", "The JSON text is empty."},
		"blanks":                  {"  \n", "The JSON text is empty."},
		"G8 a batch":              {`[{"query":"{a}"},{"query":"{b}"}]`, "The body is a JSON array: batches of operations are not supported, send one operation a request."},
		"a string":                {`"query"`, "The body must be a JSON object with `query`, and optionally `operationName`, `variables` and `extensions`."},
		"null":                    {`null`, "The body must be a JSON object with `query`, and optionally `operationName`, `variables` and `extensions`."},
		"no query":                {`{"variables":{}}`, "The request has no query: send it in `query`."},
		"a query of null":         {`{"query":null}`, "`query` must be a string."},
		"a query of objects":      {`{"query":{"secret":1}}`, "`query` must be a string."},
		"an operation's number":   {`{"query":"{a}","operationName":1}`, "`operationName` must be a string or null."},
		"variables as a list":     {`{"query":"{a}","variables":[]}`, "`variables` must be a JSON object or null."},
		"extensions as a text":    {`{"query":"{a}","extensions":"secret"}`, "`extensions` must be a JSON object or null."},
		"cut off":                 {`{"query":"{a}"`, "The JSON text ends too early."},
		"cut off in a text":       {`{"query":"{a`, "The JSON text ends too early."},
		"followed":                {`{"query":"{a}"}{"query":"secret"}`, "Something follows the JSON value, which ends at byte 15."},
		"GraphQL":                 {`query{secret}`, "The text is not valid JSON: it goes wrong after byte 0."},
		"a comma too many":        {`{"query":"{a}",}`, "The text is not valid JSON: it goes wrong after byte 15."},
		"a key without quotes":    {`{query:"secret"}`, "The text is not valid JSON: it goes wrong after byte 1."},
		"a key that is a number":  {`{1:"secret"}`, "The text is not valid JSON: it goes wrong after byte 1."},
		"L3 invalid UTF-8":        {"{\"query\":\"\xff\"}", "The JSON text is not valid UTF-8."},
		"L3 a lone high":          {`{"query":"\ud800"}`, "A string in the JSON text holds half of a surrogate pair."},
		"L3 a lone low":           {`{"query":"\udc00x"}`, "A string in the JSON text holds half of a surrogate pair."},
		"L3 two highs":            {`{"query":"\ud800\ud800"}`, "A string in the JSON text holds half of a surrogate pair."},
		"L3 NUL":                  {`{"query":"a\u0000"}`, "A string in the JSON text holds the NUL character."},
		"L3 a repeated key":       {`{"query":"{a}","query":"{b}"}`, "The JSON text repeats the key \"query\" in one object."},
		"L3 1e400":                {`{"query":"{a}","variables":{"a":1e400}}`, "A number in the JSON text is out of range."},
		"L3 depth":                {`{"query":"{a}","variables":{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}}`, ""},
		"L3 depth over":           {`{"query":"{a}","variables":{"a":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}}`, "The JSON text nests deeper than 34 levels, which is the limit."},
		"L3 depth of a million":   {strings.Repeat("[", 1_000_000), "The JSON text nests deeper than 34 levels, which is the limit."},
		"L3 depth in an old name": {`{"query":"{a}","a":` + strings.Repeat(`{"a":`, 1000) + `1`, "The JSON text nests deeper than 34 levels, which is the limit."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := decodeRequest([]byte(c.body), 32, &graphql.RawParams{})
			got := ""
			if refusal := (*gqlerror.Error)(nil); errors.As(err, &refusal) {
				got = refusal.Message
			} else if err != nil {
				t.Fatalf("%T %v", err, err)
			}
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if strings.Contains(got, "secret") {
				t.Error("the message quotes the body")
			}
		})
	}
}

// FuzzDecodeRequest holds the decoder against encoding/json: what it takes, encoding/json takes too, and reads alike.
func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{a}","variables":{"a":[1,2.5e3,null,true,false,{"b":"\u00e9\ud83d\ude00"}]},"operationName":"A"}`,
		`{"query":"\ud800"}`, `[{"query":"{a}"}]`, `{"a":1,"a":2}`, "{\"query\":\"\xff\"}", `{"query":"\\\u0000"}`,
		`{"query":"{a}"} x`, `{"query":1e400}`, `[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[`, `{"query":,}`, `{"query" "a"}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var params graphql.RawParams
		_ = decodeRequest(body, 32, &params)
		value, err := decodeJSON(body, 34)
		if err != nil {
			if refusal := (*gqlerror.Error)(nil); !errors.As(err, &refusal) || !utf8.ValidString(refusal.Message) || len(refusal.Message) > maxMessage {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		var want any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", body, err)
		}
		if !json.Valid(body) {
			t.Fatalf("no valid JSON: %q", body)
		}
		if diff := cmp.Diff(want, value); diff != "" {
			t.Fatalf("%q: %s", body, diff)
		}
	})
}
