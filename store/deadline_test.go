package store_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

// silence is a way to the database that can go silent: connections stay open and nothing comes through.
func silence(t *testing.T, database string) (throughHere string, mute func()) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	network, address := "tcp", u.Host
	if socket := query.Get("host"); socket != "" {
		port := query.Get("port")
		if port == "" {
			port = "5432"
		}
		network, address = "unix", filepath.Join(socket, ".s.PGSQL."+port)
	}
	folder, err := os.MkdirTemp("", "roster") // short: the path of a socket is limited
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	listener, err := net.Listen("unix", filepath.Join(folder, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var silent atomic.Bool
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				client.Close()
				continue
			}
			go forward(server, client, &silent)
			go forward(client, server, &silent)
		}
	}()
	u.Host = ""
	query.Set("host", folder)
	query.Set("port", "5432")
	u.RawQuery = query.Encode()
	return u.String(), func() { silent.Store(true) }
}

func forward(to, from net.Conn, silent *atomic.Bool) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if silent.Load() {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func TestR3ASilentDatabaseHoldsNobodyPastTheDeadline(t *testing.T) {
	t.Parallel()
	through, mute := silence(t, testpg.New(t))
	const timeout = 500 * time.Millisecond
	s, err := store.Open(t.Context(), store.Config{URL: through, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	d := directory.New(s)
	if _, err := d.Provider(t.Context(), "HR"); err != nil {
		t.Fatal(err)
	}
	mute()
	for name, ctx := range map[string]func() (context.Context, context.CancelFunc){
		"with a deadline":    func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), timeout) },
		"without a deadline": func() (context.Context, context.CancelFunc) { return context.WithCancel(t.Context()) },
	} {
		ctx, cancel := ctx()
		begin := time.Now()
		_, err := d.Provider(ctx, "HR")
		cancel()
		if !directory.HasCode(err, directory.CodeUnavailable) {
			t.Errorf("%s: %v, want UNAVAILABLE", name, err)
		}
		// The connection that went silent, the driver's retries on new ones, and some slack for a busy machine.
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}
