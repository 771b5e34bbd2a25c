package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/roster-gateway/roster/audit"
	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/store"
)

type auditCommand struct {
	Verify verifyCommand `cmd:"" set:"log_level=warn" help:"Recompute the chain of hashes over the audit trail, and say where it does not hold."`
}

type verifyCommand struct {
	Noted           string `placeholder:"NUMBER:HASH" help:"A seal that an earlier verification printed, which has to be in the chain still."`
	JSON            bool   `name:"json" help:"Print the result as JSON."`
	config.Database `embed:"" group:"Database"`
	config.Log      `embed:"" group:"Log"`
}

// Help says what it shows.
func (verifyCommand) Help() string {
	return "Ends with 1 where an event was changed, removed, inserted or moved, and names the first such place. Whoever owns the database can " +
		"write a whole new chain: note the head that is printed somewhere else, and give it to a later verification."
}

// Run verifies the chain.
func (c *verifyCommand) Run(p *program) error {
	noted, err := parseMark(c.Noted)
	if err != nil {
		return err
	}
	d, end, err := openOnce(p, c.Database, c.Log)
	if err != nil {
		return err
	}
	defer end()
	s, err := store.Open(p.ctx, store.Config{URL: d.url, MaxConns: 2})
	if err != nil {
		return err
	}
	defer s.Close()
	report, err := verify(p.ctx, s, noted)
	if err != nil {
		return fmt.Errorf("the audit trail could not be read: %w", err)
	}
	if c.JSON {
		encoder := json.NewEncoder(p.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = printReport(p.stdout, report)
	}
	if err == nil && report.Broken != nil {
		err = errors.New(broken(report.Broken))
	}
	return err
}

func verify(ctx context.Context, s *store.Store, noted *audit.Mark) (report audit.Report, err error) {
	err = s.ReadAudit(ctx, func(r audit.Reader) error {
		report, err = audit.Verify(ctx, r, noted)
		return err
	})
	return report, err
}

// parseMark reads NUMBER:HASH; empty is none.
func parseMark(text string) (*audit.Mark, error) {
	if text == "" {
		return nil, nil
	}
	number, digits, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 0 {
		return nil, fmt.Errorf("--noted is %q: write it as it was printed, a number, a colon and %d hexadecimal digits", text, 2*len(audit.Hash{}))
	}
	hash, err := audit.ParseHash(digits)
	if err != nil {
		return nil, fmt.Errorf("--noted: %w", err)
	}
	return &audit.Mark{Seq: seq, Hash: hash}, nil
}

func printReport(w io.Writer, r audit.Report) error {
	lines := []string{fmt.Sprintf("Sealed:   %d events, numbers %d to %d", r.Sealed, r.Anchor.Seq+1, r.Anchor.Seq+r.Sealed)}
	if r.Sealed == 0 {
		lines = []string{"Sealed:   no events"}
	}
	if r.Anchor.Seq > 0 {
		lines = append(lines, fmt.Sprintf("Anchor:   %d:%s (retention has deleted what was up to it)", r.Anchor.Seq, r.Anchor.Hash))
	}
	lines = append(lines, fmt.Sprintf("Head:     %d:%s", r.Head.Seq, r.Head.Hash))
	if r.Unsealed == 0 {
		lines = append(lines, "Unsealed: no events")
	} else {
		lines = append(lines, fmt.Sprintf("Unsealed: %d events, the oldest for %s", r.Unsealed, r.UnsealedFor.Round(time.Second)))
	}
	if r.Broken == nil {
		lines = append(lines, "The chain holds.")
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// broken is a sentence about the place where the chain does not hold.
func broken(b *audit.Broken) string {
	where := fmt.Sprintf("number %d", b.Seq)
	if b.ID != 0 {
		where += fmt.Sprintf(" (event %d)", b.ID)
	}
	return fmt.Sprintf("the audit trail was tampered with at %s: %s", where, b.Problem)
}
