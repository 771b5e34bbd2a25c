// Command bench measures Roster beside the least that the same answers can cost, in one run on one machine, and prints a
// table of ratios. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/roster-gateway/roster/bench/dataset"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case o.raw != "":
		return serveRaw(ctx, o)
	case o.export != "":
		return dataset.New(o.scale).Export(o.export)
	}
	b, err := setUp(ctx, o)
	if b != nil {
		defer b.close()
	}
	if err != nil {
		return err
	}
	r, err := b.measure(ctx)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if o.json != "" {
		if err := r.writeJSON(o.json); err != nil {
			return err
		}
	}
	if wrong := r.wrong(); wrong != nil {
		return fmt.Errorf("answers were wrong, so that the figures mean nothing: %w", wrong)
	}
	return nil
}
