package pgserver

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDefaultDataDir(t *testing.T) {
	for name, test := range map[string]struct{ data, home, want string }{
		"home":                 {home: "/home/ann", want: "/home/ann/.local/share/roster"},
		"data home":            {data: "/data", home: "/home/ann", want: "/data/roster"},
		"relative data home":   {data: "data", home: "/home/ann", want: "/home/ann/.local/share/roster"},
		"no home is a failure": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("XDG_DATA_HOME", test.data)
			t.Setenv("HOME", test.home)
			want := test.want
			if os.Geteuid() == 0 {
				want = "/var/lib/roster"
			}
			got, err := DefaultDataDir()
			if got != want || (err != nil) != (want == "") {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
}

func TestSweepTakesNothingElse(t *testing.T) {
	t.Parallel()
	l := layout{root: filepath.Join(t.TempDir(), "a[b]*")}
	for _, name := range []string{"postgres.new-1/base", "postgres.new-22", "postgres", "mine", "../ab"} {
		if err := os.MkdirAll(filepath.Join(l.root, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(l.socketNote(), []byte(filepath.Join(l.root, "mine")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.sweep(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"postgres.new-1": false, "postgres.new-22": false, "socket-dir": false, "postgres": true, "mine": true,
	} {
		if _, err := os.Stat(filepath.Join(l.root, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
