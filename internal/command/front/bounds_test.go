package front

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// connected serves a handler behind the bounds and opens a connection to it.
func connected(t *testing.T, timeout time.Duration, handler http.HandlerFunc) (net.Conn, *bufio.Reader) {
	t.Helper()
	server := httptest.NewServer(behindBounds(timeout, acceptTimeout, handler))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

func behindBounds(timeout, accept time.Duration, handler http.HandlerFunc) http.Handler {
	f := newHouse(timeout).front
	f.accept = accept
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, r = f.bounded(w, r)
		handler(w, r)
	})
}

// TestSafetyR22SlowReadersAreCut: a client that takes nothing of its answer holds a connection, or a stream of HTTP/2, for no
// longer than it may take for a piece.
func TestSafetyR22SlowReadersAreCut(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		written := make(chan error, 1)
		server := httptest.NewUnstartedServer(behindBounds(100*time.Millisecond, 100*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != version {
				t.Errorf("HTTP/%d, want %d", r.ProtoMajor, version)
			}
			piece := make([]byte, 1<<20)
			for range 64 {
				if _, err := w.Write(piece); err != nil {
					written <- err
					return
				}
			}
			written <- nil
		}))
		server.EnableHTTP2 = version == 2
		server.StartTLS()
		response, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-written:
			if err == nil {
				t.Errorf("HTTP/%d: all of it is written, to nobody", version)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("HTTP/%d: writing goes on", version)
		}
		response.Body.Close()
		server.Close()
	}
}

// TestSafetyR22SlowBodiesAreCutOnHTTP2 is TestR22SlowBodiesAreCut for one stream of a connection, which goes on.
func TestSafetyR22SlowBodiesAreCutOnHTTP2(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(behindBounds(200*time.Millisecond, acceptTimeout, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusRequestTimeout)
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	body, slow := io.Pipe()
	defer slow.Close()
	go func() { _, _ = io.WriteString(slow, "12345") }()
	for _, c := range []struct {
		body   io.Reader
		status int
	}{{body, http.StatusRequestTimeout}, {nil, http.StatusOK}} {
		response, err := server.Client().Post(server.URL, "text/plain", c.body)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.status || response.ProtoMajor != 2 {
			t.Errorf("answered %s %d, want %d", response.Proto, response.StatusCode, c.status)
		}
	}
}

// TestSafetyR22SlowBodiesAreCut: a body has to arrive within the request's time.
func TestSafetyR22SlowBodiesAreCut(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	conn, _ := connected(t, 100*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: roster\r\nContent-Length: 10\r\n\r\n12345")
	select {
	case err := <-read:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("reading goes on")
	}
}

// TestSlowHandlersAreNotCut: once the body is read, its deadline must not end the request.
func TestSlowHandlersAreNotCut(t *testing.T) {
	t.Parallel()
	conn, answers := connected(t, 100*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		select {
		case <-r.Context().Done():
			t.Error("the request's context ended")
		case <-time.After(500 * time.Millisecond):
		}
		w.WriteHeader(http.StatusNoContent)
	})
	for range 2 { // the deadlines of the first do not reach the second
		fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: roster\r\nContent-Length: 5\r\n\r\n12345")
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			t.Errorf("answered %d", response.StatusCode)
		}
	}
}

// TestUnreadBodiesDoNotHoldTheConnection: a handler that refuses without reading is not held by a slow client.
func TestUnreadBodiesDoNotHoldTheConnection(t *testing.T) {
	t.Parallel()
	conn, answers := connected(t, 200*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	})
	fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: roster\r\nContent-Length: 100\r\n\r\n12345")
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if _, err := answers.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection stays open: %v", err)
	}
}

func TestTimed(t *testing.T) {
	t.Parallel()
	f := newHouse(20 * time.Millisecond).front
	f.timed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
			t.Error("the request's time does not end")
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}
