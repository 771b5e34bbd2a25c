package store_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"

	_ "github.com/lib/pq"

	"github.com/roster-gateway/roster/internal/testpg"
	"github.com/roster-gateway/roster/store"
)

func TestSafetyR25StartersAtOnceMigrateOnce(t *testing.T) {
	t.Parallel()
	url := testpg.Empty(t)
	var starters sync.WaitGroup
	for range 4 {
		starters.Go(func() {
			if err := store.Migrate(t.Context(), url); err != nil {
				t.Error(err)
			}
		})
	}
	starters.Wait()
	db := openSQL(t, url)
	for query, want := range map[string]int{
		`SELECT count(*) FROM provider`:          4,
		`SELECT count(*) FROM provider_instance`: 1,
		`SELECT count(*) FROM store_epoch`:       1,
	} {
		var n int
		if err := db.QueryRow(query).Scan(&n); err != nil || n != want {
			t.Errorf("%s = %d, %v; want %d", query, n, err, want)
		}
	}
}

func TestSafetyR25ANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	url := testpg.New(t)
	if _, err := openSQL(t, url).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`); err != nil {
		t.Fatal(err)
	}
	err := store.Migrate(t.Context(), url)
	if err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("Migrate = %v, want a sentence about a newer program", err)
	}
}

func openSQL(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
