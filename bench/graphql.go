package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/roster-gateway/roster/bench/load"
)

type object = map[string]any

const userFields = `id fqn userName displayName email givenName familyName userType status createdAt`

// graphQLHeaders are those of every GraphQL request.
func (b *bench) graphQLHeaders() string {
	return "Authorization: Bearer " + b.admin + "\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
}

// graphQLRequest is one operation, without the line breaks of the source.
func (b *bench) graphQLRequest(query string, variables object) []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(object{"query": strings.Join(strings.Fields(query), " "), "variables": variables}) // texts and lists of texts
	return load.AppendRequest(nil, "POST", "/graphql", b.graphQLHeaders(), bytes.TrimSpace(body.Bytes()))
}

// graphQL is a script that asks one query with as many different variables.
func (b *bench) graphQL(query string, n int, variables func(key int) object, check func(key int, body []byte) error) *load.Script {
	requests := make([][]byte, n)
	for key := range requests {
		requests[key] = b.graphQLRequest(query, variables(key))
	}
	return &load.Script{Next: load.Fixed(requests), Status: 200, Check: check}
}

// ask runs one operation on a Roster, outside of what is measured, and decodes its data.
func (b *bench) ask(p *process, query string, variables object, out any) error {
	status, body, err := load.Once(p.address, b.graphQLRequest(query, variables))
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 || len(answer.Errors) > 0 {
		return fmt.Errorf("GraphQL answered %d: %.300s", status, body)
	}
	return json.Unmarshal(answer.Data, out)
}

// pushToken makes a SCIM token of the data set's instance.
func (b *bench) pushToken() (string, error) {
	var answer struct {
		CreateAccessToken struct {
			Secret     string
			UserErrors []struct{ Message string }
		}
	}
	err := b.ask(b.roster, `mutation($input: CreateAccessTokenInput!) { createAccessToken(input: $input) { secret userErrors { message } } }`,
		object{"input": object{"name": "bench", "scopes": []string{"SCIM"}, "provider": "Bench", "instance": ""}}, &answer)
	if err == nil && answer.CreateAccessToken.Secret == "" {
		err = fmt.Errorf("no SCIM token: %v", answer.CreateAccessToken.UserErrors)
	}
	return answer.CreateAccessToken.Secret, err
}

// cursors walks the list of users and returns the cursor after every step-th of them.
func (b *bench) cursors(step, n int) ([]string, error) {
	cursors := make([]string, 0, n)
	after := any(nil)
	for range n {
		var answer struct {
			Users struct{ PageInfo struct{ EndCursor string } }
		}
		if err := b.ask(b.roster, `query($first: Int!, $after: Cursor) { users(filter: {provider: "Bench", status: [ACTIVE]}, first: $first, after: $after)
			{ pageInfo { endCursor } } }`, object{"first": step, "after": after}, &answer); err != nil {
			return nil, err
		}
		cursors = append(cursors, answer.Users.PageInfo.EndCursor)
		after = answer.Users.PageInfo.EndCursor
	}
	return cursors, nil
}
