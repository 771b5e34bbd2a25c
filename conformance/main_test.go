package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLinesNameTests: each line names tests that there are, so that a test that is renamed or deleted is missed here.
func TestLinesNameTests(t *testing.T) {
	t.Parallel()
	sources := map[string]string{}
	for _, l := range lines {
		if len(l.tests) == 0 {
			t.Errorf("%q has no test", l.says)
		}
		for _, test := range l.tests {
			folder, name, _ := strings.Cut(test, ".")
			if _, ok := sources[folder]; !ok {
				files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
				if err != nil {
					t.Fatal(err)
				}
				for _, file := range files {
					text, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					sources[folder] += string(text)
				}
			}
			if !strings.Contains(sources[folder], "\nfunc "+name+"(t *testing.T) {") {
				t.Errorf("%q: there is no test %s", l.says, test)
			}
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	lines := []line{
		{"A", "one", in("p", "TestOne")}, {"A", "two", in("p", "TestOne", "TestTwo")}, {"B", "four", in("q/r", "TestNone")},
	}
	var log bytes.Buffer
	results, err := read(strings.NewReader(`{"Action":"output","Package":"`+module+`p","Test":"TestTwo/sub","Output":"why\n"}
{"Action":"pass","Package":"`+module+`p","Test":"TestOne"}
{"Action":"fail","Package":"`+module+`p","Test":"TestTwo/sub"}
{"Action":"fail","Package":"`+module+`p","Test":"TestTwo"}
{"Action":"fail","Package":"`+module+`p"}
`), &log)
	if err != nil || log.String() != "why\n" {
		t.Errorf("%v, and the log is %q", err, log.String())
	}
	var out bytes.Buffer
	if report(&out, lines, results) {
		t.Error("a line that fails is taken for one that holds")
	}
	const want = `
A: 1 of 2
  ok    one
  fail  two

B: 0 of 1
  none  four

1 of 3 lines hold. 2 tests ran.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if !report(&out, lines[:1], results) {
		t.Error("a line that holds is taken for one that does not")
	}
}
