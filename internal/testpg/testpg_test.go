package testpg_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	_ "github.com/lib/pq"
	"go.uber.org/goleak"

	"github.com/roster-gateway/roster/internal/testpg"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, testpg.IgnoreServer()...)
}

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"empty": testpg.Empty, "migrated": testpg.New} {
		for i := range 8 {
			t.Run(fmt.Sprint(name, i), func(t *testing.T) {
				t.Parallel()
				exec(t, fresh(t), `CREATE TABLE mine (id int)`)
			})
		}
	}
}

func TestNewHasTheSchema(t *testing.T) {
	t.Parallel()
	exec(t, testpg.New(t), `SELECT FROM identity`)
}

func exec(t *testing.T, url, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}
