package safety

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/safety.md anew")

const root = "../.."

// rowsOf are the ids that a test's name begins with: TestL1L2Bodies is one of L1 and of L2.
func rowsOf(name string) []string {
	name, ok := strings.CutPrefix(name, "Test")
	if !ok {
		return nil
	}
	if cve := regexp.MustCompile(`^CVE\d+_\d+`).FindString(name); cve != "" {
		return []string{cve}
	}
	name, fault := strings.CutPrefix(name, "Safety")
	ids := regexp.MustCompile(`^([A-Z]\d+)+`).FindString(name)
	var out []string
	for _, id := range regexp.MustCompile(`[A-Z]\d+`).FindAllString(ids, -1) {
		if fault || id[0] != 'R' {
			out = append(out, id)
		}
	}
	return out
}

// tests are the tests of the project by the rows that they are of, each with its folder.
func tests(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, _ := filepath.Rel(root, filepath.Dir(path))
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				for _, id := range rowsOf(f.Name.Name) {
					found[id] = append(found[id], fmt.Sprintf("`%s` (%s)", f.Name.Name, filepath.ToSlash(folder)))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// recipe is what a target of the Makefile does.
func recipe(t *testing.T, target string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+target+":")
	out, _, _ := strings.Cut(rest, "\n\n")
	return out
}

// Each attack and fault has a test that carries its id, and docs/safety.md lists them.
func TestSafetyPage(t *testing.T) {
	found := tests(t)
	var page strings.Builder
	page.WriteString(`# Attacks and faults

What Roster is attacked with and what fails around it, with the answer to each and the tests that show it. Tests run with
` + "`make test`" + `; where that is too short for a row, a longer run is named behind them. This page is made from the list and the tests by
` + "`go test ./internal/safety -update`" + `, and a row without a test fails.
`)
	for _, s := range sections {
		page.WriteString("\n## " + s.title + "\n\n| | attack or fault | answer | tests |\n|---|---|---|---|\n")
		for _, r := range s.rows {
			list := found[r.id]
			if len(list) == 0 {
				t.Errorf("%s (%s) has no test", r.id, r.attack)
			}
			slices.Sort(list)
			for _, long := range runs[r.id] {
				if !strings.Contains(recipe(t, long.target), long.recipe) {
					t.Errorf("%s: make %s does not run %q", r.id, long.target, long.recipe)
				}
				list = append(list, fmt.Sprintf("`make %s` (%s)", long.target, long.what))
			}
			fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", r.id, r.attack, r.answer, strings.Join(list, ", "))
		}
	}
	file := filepath.Join(root, "docs", "safety.md")
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := os.ReadFile(file); err != nil || string(written) != page.String() {
		t.Errorf("docs/safety.md is not what the list and the tests say: go test ./internal/safety -update (%v)", err)
	}
}
