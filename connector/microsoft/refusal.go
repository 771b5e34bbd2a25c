package microsoft

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"

	"github.com/roster-gateway/roster/connector"
)

// Refusal is an answer of the service that is not a success.
type Refusal struct {
	Status int
	// Code is the innermost error code of the answer's body, such as Request_ResourceNotFound, or empty.
	Code string
	// Codes are all of them, from the outermost.
	Codes []string
	// Said is the message of the body, bounded. It is for telling refusals apart, and never shown: it may quote anything.
	Said string
	// RequestID is what Microsoft's support asks for.
	RequestID string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("status %d, code %q, request-id %q", r.Status, r.Code, r.RequestID)
}

// AsRefusal finds the answer of the service in a chain; nil where there is none.
func AsRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// maxSaid bounds what is kept of a message, in bytes.
const maxSaid = 2000

var (
	codeText      = regexp.MustCompile(`^[A-Za-z0-9_.,:\- ]{1,100}$`)
	requestIDText = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
)

// fault is the body of an error, in the two forms that the services know: OData's of today and of version 3.
type fault struct {
	Error *faultDetail `json:"error"`
	Old   *faultDetail `json:"odata.error"`
}

type faultDetail struct {
	Code    string          `json:"code"`
	Message json.RawMessage `json:"message"`
	Inner   *faultDetail    `json:"innerError"`
}

// readRefusal reads an answer that is not a success.
func readRefusal(response *http.Response, body []byte) *Refusal {
	r := &Refusal{Status: response.StatusCode}
	for _, name := range []string{"request-id", "SPRequestGuid"} {
		if id := response.Header.Get(name); r.RequestID == "" && requestIDText.MatchString(id) {
			r.RequestID = id
		}
	}
	var f fault
	if json.Unmarshal(body, &f) != nil {
		return r
	}
	detail := f.Error
	if detail == nil {
		detail = f.Old
	}
	for ; detail != nil; detail = detail.Inner {
		if codeText.MatchString(detail.Code) {
			r.Code = detail.Code
			r.Codes = append(r.Codes, detail.Code)
		}
		if r.Said == "" {
			r.Said = said(detail.Message)
		}
	}
	return r
}

// said is a message: a text, or an object with its language and value.
func said(message json.RawMessage) string {
	var text string
	if json.Unmarshal(message, &text) != nil {
		var valued struct{ Value string }
		_ = json.Unmarshal(message, &valued)
		text = valued.Value
	}
	return text[:min(len(text), maxSaid)]
}

// refusal is the error of an answer that is not a success.
func (c *Client) refusal(address *url.URL, response *http.Response, body []byte) error {
	r := readRefusal(response, body)
	explained := &connector.Error{Cause: r}
	what := fmt.Sprintf("status %d", r.Status)
	if r.Code != "" {
		what += ", " + r.Code
	}
	switch r.Status {
	case http.StatusUnauthorized:
		explained.Code, explained.Message = connector.Misconfigured, fmt.Sprintf("%s does not take the token that the sign-in gave (%s). Look at the tenant, the cloud and the address of the service.", c.service.Name, what)
	case http.StatusForbidden:
		explained.Code, explained.Message = connector.Misconfigured, fmt.Sprintf("%s does not allow the application to read %s (%s). %s", c.service.Name, address.Path, what, c.service.Permissions)
	case http.StatusTooManyRequests:
		explained.Message = fmt.Sprintf("%s is asked too often and turns Roster away (%s). The run goes on later where it is.", c.service.Name, what)
		return &passing{err: explained, throttled: true, after: retryAfter(response.Header)}
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 509:
		explained.Message = fmt.Sprintf("%s cannot serve %s at the moment (%s). Roster tries again.", c.service.Name, address.Path, what)
		return &passing{err: explained, after: retryAfter(response.Header)}
	default:
		explained.Message = fmt.Sprintf("%s refused to read %s (%s).", c.service.Name, address.Path, what)
		if r.Status >= 300 && r.Status < 400 {
			explained.Message = fmt.Sprintf("%s sends the request for %s elsewhere (%s), and Roster follows no redirect. Look at the address of the service.", c.service.Name, address.Path, what)
		}
	}
	return explained
}
