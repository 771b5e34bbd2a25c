package graphqlhttp

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// media is the form of an answer.
type media int

const (
	// mediaNone: nothing that the client accepts can be made.
	mediaNone media = iota
	// mediaJSON is application/json, whose well-formed requests are all answered with 200.
	mediaJSON
	// mediaGraphQL is application/graphql-response+json, whose status tells a refused request from an executed one.
	mediaGraphQL
	// mediaStream is text/event-stream.
	mediaStream
)

var (
	typeGraphQL = []string{"application/graphql-response+json; charset=utf-8"}
	typeJSON    = []string{"application/json; charset=utf-8"}
)

// contentType is the header of an answer in one piece, shared by all answers.
func (m media) contentType() []string {
	if m == mediaGraphQL {
		return typeGraphQL
	}
	return typeJSON
}

// negotiate picks the form of the answer (GraphQL over HTTP, section "Media Types"; RFC 9110, section 12.5.1): the
// accepted form of the highest weight, of equal ones the one named first. No Accept header, and ranges that leave
// it open, mean application/json.
func negotiate(r *http.Request) media {
	accepts := r.Header.Values("Accept")
	if len(accepts) == 0 {
		return mediaJSON
	}
	best, weight := mediaNone, 0.0
	for _, header := range accepts {
		for len(header) > 0 {
			part, rest, _ := strings.Cut(header, ",")
			header = rest
			if m, q := accepted(part); m != mediaNone && q > weight {
				best, weight = m, q
			}
		}
	}
	if best == mediaNone && strings.TrimSpace(strings.Join(accepts, "")) == "" {
		return mediaJSON
	}
	return best
}

// accepted reads one media range and its weight.
func accepted(part string) (media, float64) {
	name, parameters, _ := strings.Cut(part, ";")
	m := mediaNone
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "application/json", "application/*", "*/*":
		m = mediaJSON
	case "application/graphql-response+json":
		m = mediaGraphQL
	case "text/event-stream":
		m = mediaStream
	default:
		return mediaNone, 0
	}
	q := 1.0
	for parameters != "" {
		var parameter string
		parameter, parameters, _ = strings.Cut(parameters, ";")
		key, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		switch strings.ToLower(key) {
		case "q":
			weight, err := strconv.ParseFloat(value, 64)
			if err != nil || weight < 0 || weight > 1 {
				return mediaNone, 0
			}
			q = weight
		case "charset":
			if !isUTF8(strings.Trim(value, `"`)) {
				return mediaNone, 0
			}
		}
	}
	return m, q
}

// isJSON reports whether a request's body is said to be JSON in UTF-8, the only form that is read.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	name, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || name != "application/json" {
		return false
	}
	charset, given := parameters["charset"]
	return !given || isUTF8(charset)
}

func isUTF8(charset string) bool {
	return strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}
