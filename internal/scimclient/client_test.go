package scimclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/internal/scimclient"
)

// service answers requests in place of a server.
type service func(r *http.Request) (status int, header map[string]string, body string)

func (s service) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header, body := s(r)
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	out := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
	for name, value := range header {
		out.Header.Set(name, value)
	}
	return out, nil
}

func client(s service) *scimclient.Client {
	return &scimclient.Client{Base: "https://roster.example.com/tokens/canary", Token: scimclient.Fixed("secret"), HTTP: &http.Client{Transport: s}}
}

func TestServersAreWaitedFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []string // Retry-After values of refusals before the good answer; "-" is none
		waited  time.Duration
		fails   bool
	}{
		"at once":             {nil, 0, false},
		"seconds":             {[]string{"7"}, 7 * time.Second, false},
		"twice":               {[]string{"7", "2"}, 9 * time.Second, false},
		"a date":              {[]string{"date"}, 30 * time.Second, false},
		"nothing said":        {[]string{"-", "-", "-"}, 7 * time.Second, false},
		"nonsense":            {[]string{"soon"}, time.Second, false},
		"negative":            {[]string{"-5"}, 0, false},
		"more than we accept": {[]string{"99999999"}, 2 * time.Minute, false},
		"given up":            {strings.Split(strings.Repeat("1 ", 8), " ")[:8], 7 * time.Second, true},
	} {
		for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
			synctest.Test(t, func(t *testing.T) {
				begun, asked := time.Now(), 0
				err := client(func(*http.Request) (int, map[string]string, string) {
					asked++
					if asked > len(c.answers) {
						return http.StatusOK, nil, `{}`
					}
					header := map[string]string{"Retry-After": c.answers[asked-1]}
					switch c.answers[asked-1] {
					case "-":
						header = nil
					case "date":
						header["Retry-After"] = time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)
					}
					return status, header, `{"detail":"slow down"}`
				}).Send(t.Context(), http.MethodPost, "/Users", struct{}{}, nil)
				waited := time.Since(begun)
				if (err != nil) != c.fails || waited > c.waited || waited < c.waited-time.Second {
					t.Errorf("%s: waited %s, %v; want %s", name, waited, err, c.waited)
				}
			})
		}
	}
}

// TestAllWait: a service that asks for a pause gets it from every request.
func TestAllWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		begun, early, asked := time.Now(), 0, 0
		c := client(func(*http.Request) (int, map[string]string, string) {
			mu.Lock()
			defer mu.Unlock()
			if asked++; asked == 1 {
				return http.StatusTooManyRequests, map[string]string{"Retry-After": "10"}, ""
			}
			if time.Since(begun) < 10*time.Second {
				early++
			}
			return http.StatusNoContent, nil, ""
		})
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				if err := c.Send(t.Context(), http.MethodDelete, "/Users/1", nil, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if early != 0 || asked != 6 {
			t.Errorf("%d of %d requests came while the service wanted none", early, asked)
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := client(func(*http.Request) (int, map[string]string, string) {
			return http.StatusServiceUnavailable, map[string]string{"Retry-After": "60"}, ""
		}).Send(ctx, http.MethodGet, "/Users", nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRejectedBearerIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		good   string
		bearer []string // what Token gives, in order
		asked  []string
		fails  bool
	}{
		"renewed":         {"new", []string{"old", "new"}, []string{"old", "new"}, false},
		"no other":        {"x", []string{"old", "old"}, []string{"old"}, true},
		"also rejected":   {"x", []string{"a", "b", "c"}, []string{"a", "b"}, true},
		"good to start":   {"old", []string{"old"}, []string{"old"}, false},
		"cannot be asked": {"x", []string{"old"}, []string{"old"}, true},
	} {
		var asked []string
		c := client(func(r *http.Request) (int, map[string]string, string) {
			bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			asked = append(asked, bearer)
			if bearer == test.good {
				return http.StatusOK, nil, `{}`
			}
			return http.StatusUnauthorized, nil, `{"detail":"A valid bearer token is required."}`
		})
		given := 0
		c.Token = func(context.Context, string) (string, error) {
			if given == len(test.bearer) {
				return "", errors.New("signed out")
			}
			given++
			return test.bearer[given-1], nil
		}
		err := c.Send(t.Context(), http.MethodGet, "/Users", nil, nil)
		if diff := cmp.Diff(test.asked, asked); diff != "" || (err != nil) != test.fails {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestRefusalsAreToldWithoutSecrets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"SCIM":           {409, `{"status":"409","scimType":"uniqueness","detail":"It is taken."}`, "SCIM answered 409 uniqueness: It is taken."},
		"no reason":      {500, `<html>`, "SCIM answered 500: it gave no reason"},
		"a redirect":     {302, ``, "SCIM answered 302: it gave no reason"},
		"escapes":        {400, `{"detail":"a\u001b[2Jb\nc"}`, "SCIM answered 400: a [2Jb c"},
		"no answer":      {0, ``, "the SCIM service cannot be reached: connection refused"},
		"something else": {200, `<html>`, "SCIM answered with something else than JSON: is this a Tenant URL?"},
	} {
		var out struct{}
		err := client(func(*http.Request) (int, map[string]string, string) { return c.status, nil, c.body }).Send(t.Context(), http.MethodGet, "/Users", nil, &out)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestEachReadsEveryPage(t *testing.T) {
	t.Parallel()
	for _, total := range []int{0, 1, 2, 3, 7} {
		var asked []string
		c := client(func(r *http.Request) (int, map[string]string, string) {
			q := r.URL.Query()
			asked = append(asked, q.Get("startIndex"))
			var start, count int
			fmt.Sscan(q.Get("startIndex"), &start)
			fmt.Sscan(q.Get("count"), &count)
			var rows []string
			for i := start; i <= total && len(rows) < count; i++ {
				rows = append(rows, fmt.Sprintf(`{"id":"%d"}`, i))
			}
			if q.Get("filter") != "x pr" {
				t.Errorf("the query is %s", r.URL.RawQuery)
			}
			return http.StatusOK, nil, fmt.Sprintf(`{"totalResults":%d,"Resources":[%s]}`, total, strings.Join(rows, ","))
		})
		n := 0
		err := c.Each(t.Context(), "/Users", 3, url.Values{"filter": {"x pr"}}, func(r scimclient.Resource) error {
			if n++; r["id"] != fmt.Sprint(n) {
				t.Errorf("resource %d is %v", n, r)
			}
			return nil
		})
		if err != nil || n != total || len(asked) != max(1, (total+2)/3) {
			t.Errorf("of %d resources %d were read by %v, %v", total, n, asked, err)
		}
	}
}
