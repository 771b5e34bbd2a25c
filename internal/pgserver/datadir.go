package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DefaultDataDir is the folder for Roster's data when none is configured: /var/lib/roster for root,
// $XDG_DATA_HOME/roster or ~/.local/share/roster for everybody else. It is not created.
// It fails only where an ordinary user has no home folder.
func DefaultDataDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/roster", nil
	}
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) { // a relative one must be ignored: XDG base directories
		return filepath.Join(data, "roster"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home folder for Roster's data: set ROSTER_DATA_DIR")
	}
	return filepath.Join(home, ".local", "share", "roster"), nil
}

// layout names what is in the data folder.
type layout struct{ root string }

func (l layout) cluster() string      { return filepath.Join(l.root, "postgres") }
func (l layout) rosterLock() string   { return filepath.Join(l.root, "roster.lock") }
func (l layout) postgresLock() string { return filepath.Join(l.root, "postgres.lock") }
func (l layout) socketNote() string   { return filepath.Join(l.root, "socket-dir") }

const newClusterPattern = "postgres.new-*"

// newLayout only computes: nothing is created.
func newLayout(dir string) (layout, error) {
	if dir == "" {
		return layout{}, errors.New("no data folder is given: set ROSTER_DATA_DIR")
	}
	root, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, fmt.Errorf("the data folder %s has no absolute path: %w", dir, cause(err))
	}
	return layout{root: root}, nil
}

func unwritable(dir string, err error) error {
	return fmt.Errorf("cannot write to the data folder %s (%w): choose another with ROSTER_DATA_DIR", dir, cause(err))
}

// sweep removes what a killed start left: unfinished clusters and a socket folder outside of the data folder. The
// caller holds both locks, so nobody uses them.
func (l layout) sweep() error {
	left, err := filepath.Glob(filepath.Join(globEscape(l.root), newClusterPattern))
	if err != nil {
		return fmt.Errorf("cannot look through the data folder %s: %w", l.root, err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("cannot remove the unfinished cluster %s: %w", dir, cause(err))
		}
	}
	return l.removeSocketDir()
}

// cause is the bare reason of a file error, without the path that our sentence names already.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// globEscape makes a path match itself in a pattern.
func globEscape(path string) string {
	var out []rune
	for _, r := range path {
		switch r {
		case '*', '?', '[', '\\':
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}
