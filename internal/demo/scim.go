package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxAnswer bounds an answer that is read, in bytes.
const maxAnswer = 32 << 20

// tries is how often a request is sent that the server cannot take now.
const tries = 5

// provisioner is a SCIM client, as an identity provider runs one.
type provisioner struct {
	base, token string
	http        *http.Client
}

// send does one request and decodes its answer into out, unless that is nil. Statuses of 400 and more are errors, but 429
// and 503 are tried again, as the server asks (RFC 6585 section 4).
func (p *provisioner) send(ctx context.Context, method, path string, body, out any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		wait, err := p.once(ctx, method, path, text, out)
		if wait == 0 || try == tries {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// once reports by wait how long to wait before another try; 0 where there should be none.
func (p *provisioner) once(ctx context.Context, method, path string, text []byte, out any) (wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	if method != http.MethodGet {
		request.Header.Set("Content-Type", "application/scim+json")
	}
	response, err := p.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, err
	}
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return time.Duration(max(seconds, 1)) * time.Second, scimError(status, answer)
	case status >= 400:
		return 0, scimError(status, answer)
	case out == nil || len(answer) == 0:
		return 0, nil
	}
	return 0, json.Unmarshal(answer, out)
}

func scimError(status int, answer []byte) error {
	var message struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(answer, &message) != nil || message.Detail == "" {
		message.Detail = "no reason was given"
	}
	return fmt.Errorf("SCIM answered %d: %s", status, message.Detail)
}

// resource is what the demo reads of a SCIM resource.
type resource struct {
	ID         string `json:"id"`
	ExternalID string `json:"externalId"`
}

// existing returns the ids of the resources of a type by their externalId.
func (p *provisioner) existing(ctx context.Context, kind string) (map[string]string, error) {
	ids := map[string]string{}
	for {
		query := url.Values{"startIndex": {strconv.Itoa(len(ids) + 1)}, "count": {"200"}, "attributes": {"externalId"}}
		var page struct {
			TotalResults int        `json:"totalResults"`
			Resources    []resource `json:"Resources"`
		}
		if err := p.send(ctx, http.MethodGet, "/"+kind+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Resources {
			ids[r.ExternalID] = r.ID
		}
		if len(page.Resources) == 0 || len(ids) >= page.TotalResults {
			return ids, nil
		}
	}
}

// create makes a resource and returns its id.
func (p *provisioner) create(ctx context.Context, kind string, body any) (string, error) {
	var made resource
	if err := p.send(ctx, http.MethodPost, "/"+kind, body, &made); err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", fmt.Errorf("SCIM created one of %s without an id", kind)
	}
	return made.ID, nil
}
