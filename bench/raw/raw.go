// Package raw answers the benchmark's requests with as little work as Go's HTTP server allows: constants, appends from
// memory, and one prepared statement a request. It is the limit that Roster is held against, not a server to use: there
// is no GraphQL, no authorization and no check of anything.
package raw

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/roster-gateway/roster/bench/dataset"
)

// Config says what to answer from.
type Config struct {
	Data *dataset.Data
	// DatabaseURL names a database with the data set in Roster's schema, for the answers over Postgres.
	DatabaseURL string
	// Connections bounds the database connections.
	Connections int
}

type server struct {
	data    *dataset.Data
	created []string // the times of creation, as they are written
	scratch sync.Pool
	*statements
}

// scratch is what one request needs to build its answer.
type scratch struct {
	out      []byte
	ids      []int32
	expander *dataset.Expander
}

// Serve answers on the listener until ctx ends.
func Serve(ctx context.Context, listener net.Listener, cfg Config) error {
	db, err := sql.Open("postgres", cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(cfg.Connections)
	db.SetMaxIdleConns(cfg.Connections)
	s := &server{data: cfg.Data}
	if s.statements, err = prepare(ctx, db); err != nil {
		return err
	}
	s.created = make([]string, len(s.data.Users))
	for i := range s.data.Users {
		s.created[i] = s.data.Users[i].Created.Format(time.RFC3339)
	}
	containers := dataset.NewContainers(s.data)
	s.scratch.New = func() any { return &scratch{expander: dataset.NewExpander(s.data, containers)} }

	h := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { h.Close() })
	defer stop()
	if err := h.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	user := s.appendUserAnswer(nil, 0)
	mux.HandleFunc("GET /user", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, user) })
	check := []byte(`{"data":{"checkMembership":[{"isMember":true}]}}`)
	mux.HandleFunc("GET /check", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, check) })
	mux.HandleFunc("GET /page/{after}", s.built(s.page))
	mux.HandleFunc("GET /members/{group}", s.built(s.members))
	mux.HandleFunc("GET /principals/{user}", s.built(s.principals))
	mux.HandleFunc("GET /resolve/{groups}", s.built(s.resolve))
	mux.HandleFunc("GET /row/id/{uid}", s.built(s.rowByUID))
	mux.HandleFunc("GET /row/name/{name}", s.built(s.rowByName))
	mux.HandleFunc("POST /row", s.built(s.insertUser))
	mux.HandleFunc("POST /link/{container}/{member}", s.built(s.insertLink))
	return mux
}

// built wraps a handler that appends its answer to the scratch.
func (s *server) built(build func(r *http.Request, b *scratch) (status int, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b := s.scratch.Get().(*scratch)
		defer s.scratch.Put(b)
		b.out, b.ids = b.out[:0], b.ids[:0]
		status, err := build(r, b)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		write(w, status, b.out)
	}
}

func write(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	if len(body) > 0 {
		header["Content-Type"] = contentType
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone
}

var contentType = []string{"application/json"}

// index reads an index out of the path.
func index(r *http.Request, name string, below int) (int, error) {
	i, err := strconv.Atoi(r.PathValue(name))
	if err != nil || i < 0 || i >= below {
		return 0, fmt.Errorf("%q is no index of one", r.PathValue(name))
	}
	return i, nil
}
