package httpbody_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/internal/httpbody"
)

const limit = 1 << 20

// A client that sends more than the limit sees the answer, however it says how much it sends; one that asks first is told
// before it sends.
func TestReadIsHeard(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		err := httpbody.Read(r, limit, func(from io.Reader) error {
			_, err := body.ReadFrom(from)
			return err
		})
		switch {
		case errors.Is(err, httpbody.ErrTooLarge):
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case err != nil || strings.Trim(body.String(), "x") != "":
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	for _, c := range []struct {
		size, want int
	}{{0, 200}, {1, 200}, {limit, 200}, {limit + 1, 413}, {2 * limit, 413}} {
		for name, body := range map[string]io.Reader{
			"with a length": strings.NewReader(strings.Repeat("x", c.size)), "in chunks": struct{ io.Reader }{strings.NewReader(strings.Repeat("x", c.size))},
		} {
			for range 20 {
				if seeker, ok := body.(io.Seeker); ok {
					_, _ = seeker.Seek(0, io.SeekStart)
				}
				got, err := http.Post(server.URL, "text/plain", body)
				if err != nil {
					t.Fatalf("%d bytes %s: %v", c.size, name, err)
				}
				got.Body.Close()
				if got.StatusCode != c.want {
					t.Fatalf("%d bytes %s: %d, want %d", c.size, name, got.StatusCode, c.want)
				}
				if name == "in chunks" {
					break // it is read
				}
			}
		}
	}
	for name, head := range map[string]string{
		"asks first":     "Content-Length: 1048577\r\nExpect: 100-continue",
		"says much more": "Content-Length: 99999999999",
	} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: roster\r\n"+head+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 12)
		if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "HTTP/1.1 413" {
			t.Errorf("who %s is answered %q, %v", name, answer, err)
		}
	}
}
