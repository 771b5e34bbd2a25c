package load_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/bench/load"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// Bodies with a length, in chunks and without any are read alike, one after the other on one connection.
func TestReadsWhatServersWrite(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch string(body) {
		case "0":
			fmt.Fprint(w, "short")
		case "1":
			fmt.Fprint(w, long) // too long for a length
		default:
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "late")
		}
	})
	requests := make([][]byte, 3)
	for i := range requests {
		requests[i] = load.AppendRequest(nil, "POST", "/", "", fmt.Append(nil, i))
	}
	want := []string{"short", long, "late"}
	script := &load.Script{Status: 200, Next: load.Fixed(requests), Check: func(key int, body []byte) error {
		if string(body) != want[key] {
			return fmt.Errorf("%d: %d bytes", key, len(body))
		}
		return nil
	}}
	w := load.Run(t.Context(), address, 3, 200*time.Millisecond, script)
	if w.Wrong != 0 || w.Requests == 0 || w.Requests != len(w.Latencies) || w.Checked == 0 {
		t.Errorf("%d requests, %d latencies, %d checked, %d wrong: %v", w.Requests, len(w.Latencies), w.Checked, w.Wrong, w.FirstWrong)
	}
}

func TestWrongAnswersCount(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		check   func(int, []byte) error
	}{
		"status":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, nil},
		"errors":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"errors":[]}`) }, nil},
		"content": {func(http.ResponseWriter, *http.Request) {}, func(int, []byte) error { return errors.New("wrong") }},
		"cut":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := [][]byte{load.AppendRequest(nil, "GET", "/", "", nil)}
			w := load.Run(t.Context(), serve(t, c.handler), 2, 50*time.Millisecond, &load.Script{Status: 200, Next: load.Fixed(requests), Check: c.check})
			if w.Wrong == 0 || w.FirstWrong == nil {
				t.Errorf("%d requests, none of them wrong", w.Requests)
			}
		})
	}
}
