package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/roster-gateway/roster/internal/testpg"
)

// options are the flags.
type options struct {
	scale   int
	seconds float64
	only    []string
	json    string
	keep    bool
	export  string
	binary  string
	peer    string

	// server is a maintenance URL of the Postgres server to measure on.
	server string
	// raw makes this process the server of the baselines, over the database with this URL.
	raw string
}

// length is how long each side of a workload is measured.
func (o *options) length() time.Duration { return time.Duration(o.seconds * float64(time.Second)) }

func parseOptions(args []string) (*options, error) {
	o := &options{server: os.Getenv(testpg.ServerVariable), raw: os.Getenv(rawVariable)}
	var only string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.scale, "scale", 1, "how many times 100,000 users there are")
	f.Float64Var(&o.seconds, "seconds", 6, "how long each side of a workload is measured")
	f.StringVar(&only, "only", "", "the workloads to measure, parted by commas; default all: "+strings.Join(names, ","))
	f.StringVar(&o.json, "json", "", "also write the figures to this file, as JSON")
	f.BoolVar(&o.keep, "keep", false, "keep Roster's database, and print its URL")
	f.StringVar(&o.export, "export", "", "write the data set to this folder, as CSV files, and measure nothing")
	f.StringVar(&o.binary, "roster", "", "the Roster binary to measure; default: this module's, built anew")
	f.StringVar(&o.peer, "peer", "", "also measure the server that this JSON file describes, see README.md")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	for _, name := range o.only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("there is no workload %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	switch {
	case f.NArg() > 0:
		return nil, fmt.Errorf("%q is no flag", f.Arg(0))
	case o.scale < 1 || o.scale > 20:
		return nil, errors.New("-scale takes 1 to 20")
	case o.seconds < 0.2 || o.seconds > 600:
		return nil, errors.New("-seconds takes 0.2 to 600")
	case o.server == "" && o.export == "" && o.raw == "":
		return nil, fmt.Errorf("%s names no Postgres server: run make bench, which starts one", testpg.ServerVariable)
	}
	return o, nil
}

// wants reports whether a workload is to be measured.
func (o *options) wants(name string) bool { return len(o.only) == 0 || slices.Contains(o.only, name) }
