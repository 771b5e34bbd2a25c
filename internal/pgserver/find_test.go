package pgserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMajor(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18beta1":                          18,
		"postgres (PostgreSQL) 9.6.24":                           9,
		"postgres (EnterpriseDB) 14":                             0,
		"":                                                       0,
	} {
		if got := parseMajor(version); got != want {
			t.Errorf("%q: %d, want %d", version, got, want)
		}
	}
}

// fakeInstall makes a folder of programs that only tell their version.
func fakeInstall(t *testing.T, dir, version string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "initdb"} {
		script := fmt.Sprintf("#!/bin/sh\necho '%s (PostgreSQL) %s'\n", name, version)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSearchDirs(t *testing.T) {
	t.Parallel()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nine := fakeInstall(t, filepath.Join(root, "lib", "9.6", "bin"), "9.6")
	fourteen := fakeInstall(t, filepath.Join(root, "lib", "14", "bin"), "14.1")
	seventeen := fakeInstall(t, filepath.Join(root, "lib", "17", "bin"), "17.2")
	links := filepath.Join(root, "links")
	if err := os.Mkdir(links, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(fourteen, "postgres"), filepath.Join(links, "postgres")); err != nil {
		t.Fatal(err)
	}
	path := strings.Join([]string{"relative", "", filepath.Join(root, "missing"), links}, string(os.PathListSeparator))

	got := searchDirs(path, []string{filepath.Join(root, "lib", "*", "bin")})
	want := []string{fourteen, links, seventeen, nine}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	thirteen := fakeInstall(t, filepath.Join(root, "13"), "13.9")
	fifteen := fakeInstall(t, filepath.Join(root, "15"), "15.1")
	seventeen := fakeInstall(t, filepath.Join(root, "17"), "17.1")
	broken := fakeInstall(t, filepath.Join(root, "broken"), "16")
	if err := os.WriteFile(filepath.Join(broken, "postgres"), []byte("#!/bin/sh\necho 'no libicu' >&2\nexit 127\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	serverOnly := fakeInstall(t, filepath.Join(root, "half"), "16")
	if err := os.Remove(filepath.Join(serverOnly, "initdb")); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(root, "missing")

	for name, test := range map[string]struct {
		dirs    []string
		binDir  string
		major   int
		want    string
		problem []string
	}{
		"the first":                {dirs: []string{missing, serverOnly, seventeen, fifteen}, want: seventeen},
		"not a broken one":         {dirs: []string{broken, fifteen}, want: fifteen},
		"not an old one":           {dirs: []string{thirteen, fifteen}, want: fifteen},
		"the cluster's version":    {dirs: []string{seventeen, fifteen}, major: 15, want: fifteen},
		"another for want of it":   {dirs: []string{seventeen, fifteen}, major: 16, want: seventeen},
		"none":                     {dirs: []string{missing, serverOnly}, problem: []string{"apt install postgresql", "make postgres"}},
		"only old and broken ones": {dirs: []string{thirteen, broken}, problem: []string{"Postgres 13, which is too old", "no libicu"}},
		"an explicit wrong one":    {dirs: []string{missing}, binDir: missing, problem: []string{"in " + missing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := choose(test.dirs, test.binDir, test.major)
			if got.dir != test.want {
				t.Errorf("got %q, want %q (%v)", got.dir, test.want, err)
			}
			if (err == nil) != (test.problem == nil) || err != nil && !errors.Is(err, ErrNoBinaries) {
				t.Fatalf("got error %v", err)
			}
			for _, part := range test.problem {
				if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q does not say %q in one line", err, part)
				}
			}
		})
	}
}

func TestFindHere(t *testing.T) {
	dir, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Find(dir); err != nil || again != dir {
		t.Errorf("%s, %v", again, err)
	}
}
