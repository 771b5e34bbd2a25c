package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/roster-gateway/roster/bench/load"
)

// process is a server that we started.
type process struct {
	name, address string
	cmd           *exec.Cmd
	stderr        *os.File
	ended         chan struct{}
}

// startLimit is how long a server may take to be ready.
const startLimit = 3 * time.Minute

// startProcess starts a server that listens on the address in its environment, and waits until ready answers 200.
func startProcess(ctx context.Context, name, binary string, args, env []string, address, ready string) (*process, error) {
	stderr, err := os.CreateTemp("", "bench-"+name+"-*.log")
	if err != nil {
		return nil, err
	}
	p := &process{name: name, address: address, stderr: stderr, ended: make(chan struct{})}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env, p.cmd.Stderr = env, stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is ours to pass on
	if err := p.cmd.Start(); err != nil {
		p.removeLog()
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // why it ended stands in its log
		close(p.ended)
	}()
	request := load.AppendRequest(nil, "GET", ready, "", nil)
	for deadline := time.Now().Add(startLimit); ; {
		if status, _, err := load.Once(address, request); err == nil && status == 200 {
			return p, nil
		}
		select {
		case <-p.ended:
			err = fmt.Errorf("%s ended at its start: %s", name, p.lastLine())
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(50 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
			err = fmt.Errorf("%s is not ready after %s: %s", name, startLimit, p.lastLine())
		}
		p.stop()
		return nil, err
	}
}

// stop ends the process, gently at first.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(12 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
	p.removeLog()
}

func (p *process) removeLog() {
	p.stderr.Close()
	os.Remove(p.stderr.Name())
}

func (p *process) lastLine() string {
	text, err := os.ReadFile(p.stderr.Name())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(lines[len(lines)-1])
}

// environment is ours without Roster's settings, so that nothing but what is given counts.
func environment(settings ...string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "ROSTER_") {
			env = append(env, variable)
		}
	}
	return append(env, settings...)
}

// freeAddress is a loopback address that nobody listens on.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// processorTime is the processor time that processes have used so far; those that have ended count nothing.
func processorTime(pids ...int) time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on Linux (proc(5))
	var total time.Duration
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// Fields 14 and 15; the name, field 2, stands in parentheses and may hold anything.
		_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
		fields := strings.Fields(rest)
		if len(fields) < 13 {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		total += time.Duration(user+system) * tick
	}
	return total
}
