// Command soak runs Roster for long and under concurrent writes, and looks for what tests of a moment cannot find:
//
//	make soak                                  # both parts: a minute, and ten
//	make soak SOAK_FLAGS='-check 5m -churn 0'  # the first for longer, without the second
//
// The checker starts three Rosters over one database. Writers push people and memberships by SCIM and change a role by
// GraphQL, each write to any of the three; readers ask any of the three, with and without Roster-At-Least. Package
// history then judges every answer: by a serial model, was it as new as promised, and did such a state ever exist? In the
// end the three, SCIM and the database have to agree, with every acknowledged write.
//
// Churn runs the same load on one Roster, with people who come and go, subscriptions that begin and end, and a tenant that
// is synchronized, while the network between Roster and its database fails in one way after the other. No request may
// fail but with the advice to try again, each ends by its deadline and a second, and five seconds after a fault Roster serves. Once
// it is quiet again, goroutines, file descriptors and resident memory have to be where they were, and GraphQL, SCIM and
// the database have to agree.
//
// It needs the server that ROSTER_TEST_POSTGRES_URL names, which make soak starts, and Linux, whose /proc it reads. The
// exit code is 1 where something is wrong, with what it is on standard output.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/roster-gateway/roster/internal/testpg"
)

func main() {
	check := flag.Duration("check", time.Minute, "how long the checker writes and reads; 0 leaves it out")
	churn := flag.Duration("churn", 10*time.Minute, "how long churn lasts; 0 leaves it out")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "what the choices of all clients are drawn from")
	binary := flag.String("roster", "", "run this Roster; empty builds one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, options{check: *check, churn: *churn, seed: *seed, binary: *binary}); err != nil {
		fmt.Println("soak:", err)
		os.Exit(1)
	}
}

type options struct {
	check, churn time.Duration
	seed         uint64
	binary       string
}

func run(ctx context.Context, o options) error {
	server := os.Getenv(testpg.ServerVariable)
	if server == "" {
		return fmt.Errorf("set %s to a Postgres server, or run make soak", testpg.ServerVariable)
	}
	folder, err := os.MkdirTemp("", "roster-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if o.binary == "" {
		if o.binary, err = build(ctx, folder); err != nil {
			return err
		}
	}
	if err := makeKeyset(ctx, o.binary, folder); err != nil {
		return err
	}
	fmt.Printf("seed %d\n", o.seed)
	for _, part := range []struct {
		lasts    time.Duration
		replicas int
		failing  bool
		do       func(context.Context, *cluster, options) error
	}{
		{o.check, 3, false, check},
		{o.churn, 1, true, churn},
	} {
		if part.lasts == 0 {
			continue
		}
		if err := with(ctx, server, o.binary, folder, part.replicas, part.failing, func(c *cluster) error { return part.do(ctx, c, o) }); err != nil {
			return err
		}
	}
	return nil
}
