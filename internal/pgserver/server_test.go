package pgserver_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"log/slog"
	"time"

	_ "github.com/lib/pq"

	"github.com/roster-gateway/roster/internal/pgserver"
)

func TestTry(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's a, \"dir\"")
	for range 2 {
		t0 := time.Now()
		s, err := pgserver.Start(context.Background(), pgserver.Config{DataDir: dir, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))})
		if err != nil {
			t.Fatal(err)
		}
		t.Log("start", time.Since(t0), s.URL("postgres"))
		if err := s.EnsureDatabase(context.Background(), "roster"); err != nil { t.Fatal(err) }
		db, err := sql.Open("postgres", s.URL("roster"))
		if err != nil { t.Fatal(err) }
		var a, b, c string
		if err := db.QueryRow(`select current_setting('data_directory'), version(), current_setting('lc_collate', true)`).Scan(&a, &b, &c); err != nil { t.Log(err) }
		t.Log(a, b, c)
		db.Close()
		t0 = time.Now()
		if err := s.Stop(context.Background()); err != nil { t.Fatal(err) }
		t.Log("stop", time.Since(t0))
	}
}
