package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

type object = map[string]any

// refusal is an answer that says no.
type refusal struct {
	status int
	text   string
	// unavailable says that another try may get through, conflict that the state of things is in the way.
	unavailable, conflict bool
}

func (r *refusal) Error() string { return fmt.Sprintf("answered %d %.300s", r.status, r.text) }

// send sends a request and returns the answer's status, revision and body. An error means that there was no answer.
func (r *replica) send(ctx context.Context, method, path, token, media, atLeast string, body any) (status int, revision string, answer []byte, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return 0, "", nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(text))
	if err != nil {
		return 0, "", nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", media)
	if atLeast != "" {
		request.Header.Set("Roster-At-Least", atLeast)
	}
	begun := time.Now()
	response, err := r.http.Do(request)
	if err != nil {
		return 0, "", nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	r.slowest.Store(max(r.slowest.Load(), int64(time.Since(begun)))) // about: one that is overwritten comes again
	return response.StatusCode, response.Header.Get("Roster-Revision"), answer, err
}

// graphQL runs an operation and decodes its data.
func (r *replica) graphQL(ctx context.Context, token, atLeast, query string, variables object, out any) (revision string, err error) {
	status, revision, text, err := r.send(ctx, http.MethodPost, "/graphql", token, "application/json", atLeast, object{"query": query, "variables": variables})
	if err != nil {
		return "", err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct {
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil || status != http.StatusOK || len(answer.Errors) > 0 {
		r := &refusal{status: status, text: string(text)}
		r.unavailable = len(answer.Errors) > 0 && answer.Errors[0].Extensions.Code == "UNAVAILABLE"
		return "", r
	}
	return revision, json.Unmarshal(answer.Data, out)
}

// mutate runs a mutation whose only field is named m.
func (r *replica) mutate(ctx context.Context, token, query string, input object) (revision string, err error) {
	var answer struct {
		M struct {
			UserErrors []struct{ Code, Message string }
		}
	}
	revision, err = r.graphQL(ctx, token, "", query, object{"input": input}, &answer)
	if err == nil && len(answer.M.UserErrors) > 0 {
		why := answer.M.UserErrors[0]
		err = &refusal{status: http.StatusOK, text: why.Message, unavailable: why.Code == "UNAVAILABLE", conflict: why.Code == "CONFLICT"}
	}
	return revision, err
}

// scim sends a SCIM request and decodes its answer into out, unless that is nil.
func (r *replica) scim(ctx context.Context, token, method, path string, body, out any) (revision string, err error) {
	status, revision, text, err := r.send(ctx, method, "/scim/v2/"+path, token, "application/scim+json", "", body)
	if err != nil {
		return "", err
	}
	if status/100 != 2 {
		return "", &refusal{status: status, text: string(text), unavailable: status == http.StatusServiceUnavailable}
	}
	if out != nil {
		err = json.Unmarshal(text, out)
	}
	return revision, err
}

// patch sends a PATCH of one or more operations.
func (r *replica) patch(ctx context.Context, token, path string, operations ...object) (revision string, err error) {
	return r.scim(ctx, token, http.MethodPatch, path, object{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": operations,
	}, nil)
}
