package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minMajor is the oldest major version of Postgres that Roster works with.
const minMajor = 14

// ErrNoBinaries is wrapped by the error of [Find] and [Start] when the machine has no usable Postgres server.
var ErrNoBinaries = errors.New("no Postgres server was found")

// binaries is a folder that holds postgres and initdb, and their major version.
type binaries struct {
	dir   string
	major int
}

func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }
func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }

// Find gives the folder of the Postgres server's binaries (postgres, initdb) of major version 14 or newer.
// With binDir only that folder counts. Without, the order is: PATH, the folders of distributions and of Homebrew with
// the newest version first, then the folder that scripts/ensure-postgres.sh fills.
// The error is one sentence that says what to install, and wraps [ErrNoBinaries].
func Find(binDir string) (string, error) {
	found, err := find(binDir, 0)
	return found.dir, err
}

// find is Find that prefers the binaries of one major version, if that is not 0 and they exist.
func find(binDir string, major int) (binaries, error) {
	dirs := []string{binDir}
	if binDir == "" {
		dirs = searchDirs(os.Getenv("PATH"), installPatterns())
	}
	return choose(dirs, binDir, major)
}

// choose probes the folders in their order.
func choose(dirs []string, binDir string, major int) (binaries, error) {
	var first binaries
	var problems []string
	for _, dir := range dirs {
		found, err := probe(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			problems = append(problems, err.Error())
			continue
		case found.major < minMajor:
			problems = append(problems, fmt.Sprintf("%s holds Postgres %d, which is too old", dir, found.major))
			continue
		case major == 0 || found.major == major:
			return found, nil
		case first.dir == "":
			first = found
		}
	}
	if first.dir != "" {
		return first, nil
	}
	where := ""
	if binDir != "" {
		where = " in " + binDir
	}
	if len(problems) > 0 {
		where += " (" + strings.Join(problems, "; ") + ")"
	}
	return binaries{}, fmt.Errorf("%w%s: install Postgres %d or newer (apt install postgresql, dnf install postgresql-server, "+
		"brew install postgresql, or make postgres), or set ROSTER_DATABASE_URL", ErrNoBinaries, where, minMajor)
}

// probe looks for the two binaries in dir and asks for their version. Its error is os.ErrNotExist where there are none.
func probe(dir string) (binaries, error) {
	found := binaries{dir: dir}
	for _, file := range []string{found.postgres(), found.initdb()} {
		info, err := os.Stat(file)
		if err != nil {
			return binaries{}, fmt.Errorf("%s: %w", file, os.ErrNotExist)
		}
		if info.IsDir() || info.Mode()&0o111 == 0 {
			return binaries{}, fmt.Errorf("%s cannot be executed", file)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, found.postgres(), "--version")
	cmd.Env = cleanEnv()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return binaries{}, fmt.Errorf("%s does not run: %s", found.postgres(), oneLine(string(out), err))
	}
	found.major = parseMajor(string(out))
	if found.major == 0 {
		return binaries{}, fmt.Errorf("%s does not tell its version", found.postgres())
	}
	return found, nil
}

var versionPattern = regexp.MustCompile(`\(PostgreSQL\) ([0-9]+)`)

// parseMajor reads the major version out of "postgres (PostgreSQL) 15.18 (Debian ...)"; 0 if there is none.
func parseMajor(version string) int {
	match := versionPattern.FindStringSubmatch(version)
	if match == nil {
		return 0
	}
	major, err := strconv.Atoi(match[1])
	if err != nil {
		return 0
	}
	return major
}

// searchDirs lists the folders to probe: those of path with links resolved (a link in PATH often names only some of the
// programs; the folder it leads to has them all), then what the patterns match, newest version first.
func searchDirs(path string, patterns []string) []string {
	var dirs []string
	add := func(dir string) {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue // never a program out of the working directory
		}
		file := filepath.Join(dir, "postgres")
		if real, err := filepath.EvalSymlinks(file); err == nil {
			add(filepath.Dir(real))
			add(dir)
		}
	}
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			continue // a malformed pattern, which these are not
		}
		slices.SortStableFunc(matches, func(a, b string) int { return slices.Compare(numbers(b), numbers(a)) })
		for _, match := range matches {
			add(match)
		}
	}
	return dirs
}

var digits = regexp.MustCompile(`[0-9]+`)

// numbers are all numbers of a path in their order, by which versioned folders sort.
func numbers(path string) []int {
	var list []int
	for _, match := range digits.FindAllString(path, -1) {
		if n, err := strconv.Atoi(match); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// installPatterns are the places where distributions, Homebrew and our own script put a server.
func installPatterns() []string {
	patterns := []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // Red Hat, from postgresql.org
		"/usr/libexec/postgresql*",          // Alpine
		"/usr/lib/postgresql*/bin",          // SUSE
		"/usr/lib64/postgresql-*/bin",       // Gentoo
		"/usr/local/pgsql/bin",              // built from source
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple silicon, on Intel, on Linux
		"/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}
	// Where scripts/ensure-postgres.sh unpacks a server, for an ordinary user and for root. Root's is one that every
	// account can reach, because the server does not run as root; root in turn runs no programs of other users.
	if cache, err := os.UserCacheDir(); err == nil && os.Geteuid() != 0 {
		patterns = append(patterns, filepath.Join(globEscape(cache), "roster", "postgres", "*", "bin"))
	}
	return append(patterns, "/var/cache/roster/postgres/*/bin")
}
