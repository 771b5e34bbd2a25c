package scim

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

type anybody struct{}

func (anybody) Authenticate(context.Context, []string) (*access.Principal, error) {
	return &access.Principal{
		Scopes:   []access.Scope{access.SCIM},
		Instance: &directory.Instance{Enabled: true, Provider: &directory.Provider{Enabled: true}},
	}, nil
}

func (anybody) InstanceAt(context.Context, string) (*directory.Instance, error) { return nil, nil }

// A panic is an internal error: the request id is told, the reason is not.
func TestPanicIsHidden(t *testing.T) {
	t.Parallel()
	log := &strings.Builder{}
	h := NewHandler(nil, anybody{}, Config{Log: slog.New(slog.NewTextHandler(log, nil))}) // without a directory
	ctx := telemetry.WithRequestID(t.Context(), "request-7")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, http.MethodGet, "/scim/v2/Users", nil))
	body := rec.Body.String()
	if rec.Code != http.StatusInternalServerError || !strings.Contains(body, "request-7") || strings.Contains(body, "nil pointer") {
		t.Errorf("%d %s", rec.Code, body)
	}
	if !strings.Contains(log.String(), "nil pointer") {
		t.Errorf("the log does not say what happened: %s", log)
	}
}

func TestProblemOf(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]struct {
		status   int
		scimType string
	}{
		directory.NotFound("", "x"):                               {http.StatusNotFound, ""},
		directory.BadInput("name", "x"):                           {http.StatusBadRequest, "invalidValue"},
		directory.Clash(directory.ReasonUniqueness, "name", "x"):  {http.StatusConflict, "uniqueness"},
		directory.Clash(directory.ReasonStale, "", "x"):           {http.StatusPreconditionFailed, ""},
		directory.Clash("", "", "x"):                              {http.StatusConflict, ""},
		&directory.Error{Code: directory.CodeForbidden}:           {http.StatusForbidden, ""},
		&directory.Error{Code: directory.CodeUnauthenticated}:     {http.StatusUnauthorized, ""},
		&directory.Error{Code: directory.CodeRateLimited}:         {http.StatusTooManyRequests, ""},
		&directory.Error{Code: directory.CodeUnavailable}:         {http.StatusServiceUnavailable, ""},
		&directory.Error{Code: directory.CodeInternal}:            {http.StatusInternalServerError, ""},
		errors.New("pq: the password of the database is hunter2"): {http.StatusInternalServerError, ""},
		context.DeadlineExceeded:                                  {http.StatusServiceUnavailable, ""},
	} {
		p := problemOf(err, "id")
		if p.status != want.status || p.scimType != want.scimType || strings.Contains(p.detail, "hunter2") {
			t.Errorf("%v: %v", err, p)
		}
	}
}

// A request that goes stale again and again is given up in the end, as something to be tried later.
func TestRetryIsBounded(t *testing.T) {
	t.Parallel()
	staleness := directory.Clash(directory.ReasonStale, "", "x")
	attempt := func(tries *int) func() error { return func() error { *tries++; return staleness } }
	rq := &request{context: t.Context(), r: httptest.NewRequestWithContext(t.Context(), http.MethodPatch, "/", nil)}
	tries := 0
	if err := rq.retry(attempt(&tries)); !directory.HasCode(err, directory.CodeUnavailable) || tries != maxTries {
		t.Errorf("%v after %d tries", err, tries)
	}
	rq.r.Header.Set("If-Match", `W/"1"`)
	tries = 0
	if err := rq.retry(attempt(&tries)); !directory.HasReason(err, directory.ReasonStale) || tries != 1 {
		t.Errorf("with If-Match: %v after %d tries", err, tries)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rq.r = httptest.NewRequestWithContext(ctx, http.MethodPatch, "/", nil)
	if err := rq.retry(attempt(&tries)); !errors.Is(err, context.Canceled) && !directory.HasCode(err, directory.CodeUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSplitPaths(t *testing.T) {
	t.Parallel()
	got := strings.Join(splitPaths(` a,b.c , emails[type eq "a,b" and value eq "]"].value,, d`), "|")
	if want := `a|b.c|emails[type eq "a,b" and value eq "]"].value|d`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzDecodeObject(f *testing.F) {
	for _, seed := range []string{`{"a":"\ud83d\ude00"}`, `{"a":"\ud800"}`, `{"a":[1,2,{"b":null}]}`, `{"a":1e400}`, `{"a":1,"a":2}`, `{"a":"\u0000"}`, `{"a":"\\u0000"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := decodeObject(text)
		if err != nil {
			if p := problemOf(err, ""); p.status != http.StatusBadRequest {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		noNUL(t, object)
	})
}

// noNUL fails where a text holds what cannot be stored.
func noNUL(t *testing.T, value any) {
	switch v := value.(type) {
	case string:
		if strings.ContainsRune(v, 0) {
			t.Fatalf("%q holds a NUL character", v)
		}
	case map[string]any:
		for key, inner := range v {
			noNUL(t, key)
			noNUL(t, inner)
		}
	case []any:
		for _, inner := range v {
			noNUL(t, inner)
		}
	}
}
