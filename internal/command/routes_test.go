package command

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/testpg"
)

// hiding are spellings of paths that a proxy, or a handler, could read as a route that they are not.
var hiding = []string{
	"//graphql", "/graphql/", "/./graphql", "/x/../graphql", "/%67raphql", "/graphql%2f", "/graphql%00", "/graphql;x", "/GRAPHQL",
	"//metrics", "/metrics/", "/%6detrics", "/health/../metrics", "/health/live/../../metrics", "/health/live%2f..%2f..%2fmetrics",
	"/health//live", "/health/live/", "/health/%6cive", "/health", "/health/", "/./health/live",
	"/scim", "//scim/v2/Users", "/scim//v2/Users", "/scim/../metrics", "/scim/v2/../../graphql", "/%73cim/v2/Users", "/tokens",
	"/tokens/../graphql", "/tokens/x/../../metrics", "/tokens/x%2f..%2f..%2fgraphql", "/explorer/../graphql", "/explorer/%2e%2e/metrics",
	"/explorer//../metrics", "/..", "/.", "//", "/%2e%2e/metrics", "/\\graphql", "/graphql\\", "*",
}

// TestA1NobodyPassesWithoutAToken asks every route, and every spelling of one, without credentials and with bad ones.
func TestA1NobodyPassesWithoutAToken(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_MAX_WRONG_TOKENS=0")
	paths := append([]string{
		"/graphql", "/graphql?query={viewer{name}}", "/graphql?access_token=" + admin, "/metrics", "/nothing", "/scim/v2/Users", "/scim/v2/ServiceProviderConfig",
		"/scim/", "/scim/v2/Users/", "/tokens/", "/tokens/unknown/scim/v2/Users", "/tokens/unknown/Users", "/tokens/" + admin + "/Users",
	}, hiding...)
	credentials := map[string]string{
		"none": "", "wrong": "Bearer wrong-token", "part": "Bearer " + admin[:10], "no scheme": admin, "basic": "Basic " + admin,
		"null": "Bearer null", "empty": "Bearer ", "twice": "Bearer " + admin + "\r\nAuthorization: Bearer " + admin,
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			for name, value := range credentials {
				if method != "GET" && name != "none" {
					continue
				}
				status, challenge := c.raw(method, path, value)
				if status == http.StatusBadRequest && strings.ContainsAny(path, "\\*;") || status == http.StatusBadRequest && strings.HasPrefix(path, "/graphql%00") {
					continue // no request at all, to net/http
				}
				if status != http.StatusUnauthorized || challenge == "" {
					t.Errorf("%s %s with credentials %s: %d, challenge %q; want 401 with one", method, path, name, status, challenge)
				}
			}
		}
	}
}

func TestA16HiddenPathsLeadNowhere(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin)
	for _, path := range append([]string{"/nothing"}, hiding...) {
		if status, _ := c.raw("GET", path, "bearer "+admin); status != http.StatusNotFound && status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 404", path, status)
		}
	}
}

func TestOpenRoutes(t *testing.T) {
	t.Parallel()
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin)
	for path, want := range map[string]string{"/health/live": "{\"status\":\"live\"}\n", "/health/ready": "{\"status\":\"ready\"}\n"} {
		if status, body := c.get(path, ""); status != http.StatusOK || body != want {
			t.Errorf("GET %s: %d %q, want 200 %q", path, status, body, want)
		}
		if status, _ := c.raw("POST", path, ""); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d, want 405", path, status)
		}
	}
	if status, body := c.get("/", ""); status != http.StatusOK || strings.Contains(body, admin) {
		t.Errorf("GET /: %d", status)
	}
}

// raw sends a request line as it is, which http.Client would not, and answers the status and the challenge.
func (c *child) raw(method, path, authorization string) (status int, challenge string) {
	c.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	header := ""
	if authorization != "" {
		header = "Authorization: " + authorization + "\r\n"
	}
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: roster\r\nConnection: close\r\n%s\r\n", method, path, header)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	response.Body.Close()
	return response.StatusCode, response.Header.Get("WWW-Authenticate")
}
