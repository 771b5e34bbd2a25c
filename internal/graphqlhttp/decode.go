package graphqlhttp

import "github.com/99designs/gqlgen/graphql"

// decodeRequest reads the JSON form of a request (GraphQL over HTTP, section "Request Parameters"). It refuses what
// JSON leaves to the reader's taste: repeated keys, invalid UTF-8, lone surrogates, numbers beyond a double,
// NUL, and nesting deeper than maxDepth. No error quotes a value.
func decodeRequest(body []byte, maxDepth int, params *graphql.RawParams) error {
	r, err := newReader(body, maxDepth+2)
	if err != nil {
		return err
	}
	switch r.next() {
	case '{':
	case '[':
		if _, err := r.whole(); err != nil {
			return err
		}
		return refuse("The body is a JSON array: batches of operations are not supported, send one operation a request.")
	default:
		if _, err := r.whole(); err != nil {
			return err
		}
		return refuse("The body must be a JSON object with `query`, and optionally `operationName`, `variables` and `extensions`.")
	}
	var query, name text
	var variables, extensions any
	r.at++
	if err := r.members(func(key string) (err error) {
		switch key {
		case "query":
			query, err = r.optionalText()
		case "operationName":
			name, err = r.optionalText()
		case "variables":
			variables, err = r.value(1)
		case "extensions":
			extensions, err = r.value(1)
		default:
			_, err = r.value(1)
		}
		return err
	}); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	switch {
	case query.given && !query.is:
		return refuse("`query` must be a string.")
	case name.given && !name.is && !name.null:
		return refuse("`operationName` must be a string or null.")
	}
	params.Query, params.OperationName = query.value, name.value
	if params.Variables, err = optionalObject("variables", variables); err != nil {
		return err
	}
	if params.Extensions, err = optionalObject("extensions", extensions); err != nil {
		return err
	}
	return needQuery(query.given, params)
}

// needQuery refuses a request that has no query, and does not name one by its hash.
func needQuery(given bool, params *graphql.RawParams) error {
	if !given && params.Extensions["persistedQuery"] == nil {
		return refuse("The request has no query: send it in `query`.")
	}
	return nil
}

// text is a member that should be a string.
type text struct {
	value           string
	given, is, null bool
}

func (r *reader) optionalText() (text, error) {
	if r.next() == '"' {
		value, err := r.string()
		return text{value: value, given: true, is: true}, err
	}
	value, err := r.value(1)
	return text{given: true, null: value == nil}, err
}

func optionalObject(key string, value any) (map[string]any, error) {
	if value == nil {
		return nil, nil
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil, refuse("`%s` must be a JSON object or null.", key)
	}
	return m, nil
}
