package command

import (
	"fmt"
	"io"
	"os"

	"github.com/roster-gateway/roster/internal/progress"
	"github.com/roster-gateway/roster/internal/push"
	"github.com/roster-gateway/roster/internal/telemetry"
)

type scimPushCommand struct {
	scimAccess  `embed:""`
	File        string `arg:"" placeholder:"FILE" help:"The directory, in JSON Lines; - reads standard input."`
	Connections int    `default:"16" placeholder:"${default}" help:"Requests that are under way at a time: 1 to 64."`
}

// Help describes the file.
func (scimPushCommand) Help() string {
	return "Each line of the file is a SCIM User or Group in JSON, such as {\"externalId\":\"7\",\"userName\":\"ada@acme.example\"," +
		"\"displayName\":\"Ada\",\"active\":true} or {\"externalId\":\"g1\",\"displayName\":\"Engines\",\"members\":[{\"value\":\"7\"}]}. " +
		"A line with userName is a user, another one a group, unless schemas says so. Members, and a manager, are named by externalId, userName or the " +
		"displayName of a group, of a line in any order or of what is there. A line is matched by externalId, or else by name. Attributes that a line " +
		"does not mention stay as they are, null clears one, and nothing is deleted. A second push of the same file writes nothing."
}

// Run pushes the file.
func (c *scimPushCommand) Run(p *program) error {
	if c.Connections < 1 || c.Connections > 64 {
		return fmt.Errorf("--connections is %d: choose a value from 1 to 64", c.Connections)
	}
	client, err := c.client(c.Connections)
	if err != nil {
		return err
	}
	directory, err := c.read()
	if err != nil {
		return err
	}
	var bar *progress.Bar
	if telemetry.IsTerminal(p.stderr) {
		bar = progress.New(p.stderr, true, directory.Len(), "lines")
	}
	results, err := directory.Run(p.ctx, push.Config{Client: client, Connections: c.Connections, Done: bar.Step})
	failed := summarize(p, results, err)
	switch {
	case err != nil:
		return c.signedOut(err)
	case failed > 0:
		return fmt.Errorf("%d of %d lines failed", failed, len(results))
	}
	return nil
}

func (c *scimPushCommand) read() (*push.Directory, error) {
	file := os.Stdin
	if c.File != "-" {
		var err error
		if file, err = os.Open(c.File); err != nil {
			return nil, fmt.Errorf("the directory cannot be read: %w", err)
		}
		defer file.Close()
	}
	directory, err := push.Read(io.Reader(file))
	if err != nil {
		return nil, fmt.Errorf("the directory %s: %w", c.File, err)
	}
	return directory, nil
}

// summarize says what became of the lines, and returns how many failed. Of a push that was cut short, lines without an
// outcome are not told from unchanged ones, so nothing is said of those.
func summarize(p *program, results []push.Result, cut error) (failed int) {
	counts := map[push.Outcome]int{}
	for _, r := range results {
		counts[r.Outcome]++
		if r.Outcome == push.Failed {
			fmt.Fprintf(p.stderr, "line %d: %s\n", r.Line, oneLine(r.Reason))
		}
	}
	failed = counts[push.Failed]
	if cut != nil {
		fmt.Fprintf(p.stdout, "cut short: created %d, updated %d, failed %d\n", counts[push.Created], counts[push.Updated], failed)
		return failed
	}
	fmt.Fprintf(p.stdout, "created %d, updated %d, unchanged %d, failed %d\n", counts[push.Created], counts[push.Updated], counts[push.Unchanged], failed)
	return failed
}
