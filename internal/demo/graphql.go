package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAnswer bounds an answer that is read, in bytes.
const maxAnswer = 32 << 20

// asker is a GraphQL client.
type asker struct {
	url, token string
	http       *http.Client
}

// ask runs an operation, decodes its data into out, and returns the data as it came and the time it took.
func (a *asker) ask(ctx context.Context, query string, variables object, out any) (json.RawMessage, time.Duration, error) {
	body, err := json.Marshal(object{"query": query, "variables": variables})
	if err != nil {
		return nil, 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", "application/json")
	start := time.Now()
	response, err := a.http.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	took := time.Since(start)
	if err != nil {
		return nil, 0, err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []struct{ Message string }
	}
	switch err := json.Unmarshal(text, &answer); {
	case err != nil:
		return nil, 0, fmt.Errorf("GraphQL answered %d, not in JSON", response.StatusCode)
	case len(answer.Errors) > 0:
		return nil, 0, fmt.Errorf("GraphQL answered: %s", answer.Errors[0].Message)
	}
	return answer.Data, took, json.Unmarshal(answer.Data, out)
}

// payload is what every mutation answers with.
type payload struct {
	UserErrors []struct{ Code, Message string }
}

func (p payload) err() error {
	if len(p.UserErrors) > 0 {
		return fmt.Errorf("GraphQL answered: %s", p.UserErrors[0].Message)
	}
	return nil
}

// change runs a mutation with one field, which the query has to name "payload".
func (a *asker) change(ctx context.Context, query string, input object) error {
	var answer struct{ Payload payload }
	if _, _, err := a.ask(ctx, query, object{"input": input}, &answer); err != nil {
		return err
	}
	return answer.Payload.err()
}
