package pgserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postmaster is what a cluster's postmaster.pid says about its server.
type postmaster struct {
	pid   int
	ready bool
}

// readPostmaster reads postmaster.pid: line 1 is the process id, line 8 the state, "ready" once it takes connections.
// The zero value stands for a file that is missing or not complete.
func readPostmaster(cluster string) postmaster {
	text, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return postmaster{}
	}
	lines := strings.Split(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid < 0 {
		return postmaster{}
	}
	return postmaster{pid: pid, ready: len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"}
}

// clearStalePID deals with the postmaster.pid of a server that was killed. No server of ours runs (the caller holds the
// lock that they inherit), but one started by hand may. Postgres itself tells a stale file only by whether its process
// id exists, and after a restart of the machine or container another program often has that id; so we look closer.
// A file that was never completed (a kill or a full disk in between) stops Postgres for ever, too.
// It gives the process id of a live server, or 0.
func clearStalePID(cluster string) int {
	file := filepath.Join(cluster, "postmaster.pid")
	if _, err := os.Lstat(file); err != nil {
		return 0
	}
	pid := readPostmaster(cluster).pid
	if pid == 0 {
		time.Sleep(500 * time.Millisecond) // a server that is started by hand just now completes it at once
		if pid = readPostmaster(cluster).pid; pid == 0 {
			_ = os.Remove(file) // a failure shows as Postgres's own refusal right after
			return 0
		}
	}
	if syscall.Kill(pid, 0) != nil {
		return 0 // Postgres removes the file itself
	}
	// A server's working directory is its cluster. Where it cannot be read, Postgres has to judge.
	workDir, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/cwd")
	if err != nil {
		return 0
	}
	ours, err := os.Stat(cluster)
	if err != nil {
		return 0
	}
	if os.SameFile(workDir, ours) {
		return pid
	}
	_ = os.Remove(file)
	return 0
}
