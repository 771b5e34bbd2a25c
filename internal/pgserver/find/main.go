// Command find prints the folder of the Postgres binaries that Roster would run. Without any it prints one sentence on
// standard error and exits with 1. scripts/ensure-postgres.sh asks it, so that the search exists once.
package main

import (
	"fmt"
	"os"

	"github.com/roster-gateway/roster/internal/pgserver"
)

func main() {
	dir, err := pgserver.Find(os.Getenv("ROSTER_POSTGRES_BIN"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(dir)
}
