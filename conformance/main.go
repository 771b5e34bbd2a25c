// Command conformance runs the tests of everything that a SCIM server has to do, in their full size, and the public audits
// of GraphQL over HTTP, and prints line by line what passed:
//
//	make conformance
//
// It needs a Postgres server that the tests may use (go run ./internal/testpg/run) and, for the comparisons with other
// implementations, Node.js with the packages of this folder.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

const module = "github.com/roster-gateway/roster/"

func main() {
	results, err := run(lines, os.Stderr)
	if err == nil && !report(os.Stdout, lines, results) {
		os.Exit(1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run runs the tests of the lines and says of each, by folder and name, how it ended: pass, fail or skip. What failing
// tests print goes to log.
func run(lines []line, log io.Writer) (map[string]string, error) {
	tests := exec.Command("go", arguments(lines)...)
	tests.Stderr = log
	out, err := tests.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := tests.Start(); err != nil {
		return nil, err
	}
	results, err := read(out, log)
	if err != nil {
		return nil, err
	}
	if err := tests.Wait(); err != nil && !slices.Contains(slices.Collect(maps.Values(results)), "fail") {
		return nil, fmt.Errorf("the tests could not be run: %w", err)
	}
	return results, nil
}

// arguments are those of the go command that runs the tests of the lines.
func arguments(lines []line) []string {
	folders, names := map[string]bool{}, map[string]bool{}
	for _, l := range lines {
		for _, test := range l.tests {
			folder, name, _ := strings.Cut(test, ".")
			folders["./"+folder], names[regexp.QuoteMeta(name)] = true, true
		}
	}
	return append([]string{
		"test", "-json", "-count=1", "-timeout", "20m", "-tags", "conformance",
		"-run", "^(" + strings.Join(slices.Sorted(maps.Keys(names)), "|") + ")$",
	}, slices.Sorted(maps.Keys(folders))...)
}

// read reads what go test -json prints.
func read(from io.Reader, log io.Writer) (map[string]string, error) {
	results, printed := map[string]string{}, map[string][]string{}
	scan := bufio.NewScanner(from)
	scan.Buffer(nil, 16<<20)
	for scan.Scan() {
		var event struct{ Action, Package, Test, Output string }
		if err := json.Unmarshal(scan.Bytes(), &event); err != nil {
			fmt.Fprintln(log, scan.Text()) // the compiler's, say
			continue
		}
		top, _, inner := strings.Cut(event.Test, "/")
		test := strings.TrimPrefix(event.Package, module) + "." + top
		switch event.Action {
		case "output":
			printed[test] = append(printed[test], event.Output)
		case "pass", "fail", "skip":
			if inner {
				continue
			}
			if event.Test != "" {
				results[test] = event.Action
			}
			if event.Action == "fail" {
				fmt.Fprint(log, strings.Join(printed[test], ""))
			}
			delete(printed, test)
		}
	}
	return results, scan.Err()
}

// report prints the lines with what their tests came to, and says whether all hold.
func report(to io.Writer, lines []line, results map[string]string) bool {
	held := 0
	for i, l := range lines {
		if i == 0 || lines[i-1].group != l.group {
			of := slices.DeleteFunc(slices.Clone(lines), func(other line) bool { return other.group != l.group })
			n := len(slices.DeleteFunc(slices.Clone(of), func(l line) bool { return stateOf(l, results) != "ok" }))
			fmt.Fprintf(to, "\n%s: %d of %d\n", l.group, n, len(of))
		}
		state := stateOf(l, results)
		if state == "ok" {
			held++
		}
		fmt.Fprintf(to, "  %-4s  %s\n", state, l.says)
	}
	fmt.Fprintf(to, "\n%d of %d lines hold. %d tests ran.\n", held, len(lines), len(results))
	return held == len(lines)
}

// stateOf is ok where every test of a line passed, and else the state of the first that did not.
func stateOf(l line, results map[string]string) string {
	for _, test := range l.tests {
		switch result := results[test]; result {
		case "pass":
		case "":
			return "none"
		default:
			return result
		}
	}
	return "ok"
}
