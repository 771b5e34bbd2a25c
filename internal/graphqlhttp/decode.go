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
	var query, name, variables, extensions any
	given := false
	r.at++
	if err := r.members(1, func(key string, value any) {
		switch key {
		case "query":
			query, given = value, true
		case "operationName":
			name = value
		case "variables":
			variables = value
		case "extensions":
			extensions = value
		}
	}); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return err
	}
	ok := false
	if !given {
		return refuse("The request has no query: send it in `query`.")
	}
	if params.Query, ok = query.(string); !ok {
		return refuse("`query` must be a string.")
	}
	if name != nil {
		if params.OperationName, ok = name.(string); !ok {
			return refuse("`operationName` must be a string or null.")
		}
	}
	if params.Variables, err = optionalObject("variables", variables); err != nil {
		return err
	}
	params.Extensions, err = optionalObject("extensions", extensions)
	return err
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
