package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// clusterFD is the path by which a process of another account reaches its cluster: a folder that it inherits open, as
// the first of exec.Cmd.ExtraFiles.
const clusterFD = "/proc/self/fd/3"

// child is a program of Postgres that we started, the leader of its own process group.
type child struct {
	cmd    *exec.Cmd
	pid    int
	log    *logPump
	exited chan struct{} // closed when the program ended; err is set before
	err    error
	// keep is what must stay open as long as the child runs, also when nobody holds the Server any more: a file that is
	// garbage is closed. The goroutine that waits for the child holds on to it.
	keep any
}

// program says what to run on which cluster.
type program struct {
	file    string
	args    []string
	cluster string
	who     account
	lock    *os.File // inherited
	onDeath syscall.Signal
	log     *logPump
}

// pathFor is the cluster's path as programs of the account see it; see the package comment, Accounts.
func pathFor(who account, cluster string) string {
	if who.drop {
		return clusterFD
	}
	return cluster
}

// start runs the program. The kernel's parent-death signal belongs to the thread that starts it, so that thread is
// locked and lives as long as the child.
func (p program) start() (*child, error) {
	dir, err := os.Open(p.cluster)
	if err != nil {
		return nil, fmt.Errorf("cannot open the folder %s: %w", p.cluster, cause(err))
	}
	defer dir.Close()
	cmd := exec.Command(p.file, p.args...)
	cmd.Dir = "/" // ours may be closed to the account, which initdb minds
	cmd.Env = cleanEnv()
	cmd.ExtraFiles = []*os.File{dir, p.lock}
	cmd.SysProcAttr = processAttributes(p.who, p.onDeath)

	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	cmd.Stdout, cmd.Stderr = writer, writer
	c := &child{cmd: cmd, log: p.log, exited: make(chan struct{})}
	started := make(chan error)
	go c.run(started)
	err = <-started
	writer.Close()
	if err != nil {
		reader.Close()
		return nil, startFailure(p, err)
	}
	go p.log.pump(reader)
	return c, nil
}

// run starts the child and stays on its thread until the child has ended. The thread ends with it.
func (c *child) run(started chan<- error) {
	runtime.LockOSThread()
	err := c.cmd.Start()
	if err == nil {
		c.pid = c.cmd.Process.Pid
	}
	started <- err
	if err != nil {
		return
	}
	c.err = c.cmd.Wait()
	close(c.exited)
	runtime.KeepAlive(c)
}

func startFailure(p program, err error) error {
	if errors.Is(err, fs.ErrPermission) && p.who.drop {
		return fmt.Errorf("the account %s, which the server runs as when Roster is started by root, cannot run %s: "+
			"install Postgres for all users (apt install postgresql), or start Roster as an ordinary user", p.who.name, p.file)
	}
	return fmt.Errorf("cannot run %s: %w", p.file, cause(err))
}

// signal sends to the program alone. It is harmless when the program has ended.
func (c *child) signal(sig syscall.Signal) {
	_ = c.cmd.Process.Signal(sig) // os.ErrProcessDone
}

// killGroup ends the program and all that it started, at once.
func (c *child) killGroup() {
	_ = syscall.Kill(-c.pid, syscall.SIGKILL) // ESRCH: all gone
	<-c.exited
}

// wait gives true if the program ended within the time and before ctx did.
func (c *child) wait(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.exited:
		return true
	case <-ctx.Done():
	case <-timer.C:
	}
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// cleanEnv is the environment of Postgres programs: nothing of ours, which holds secrets and may hold PG* settings.
func cleanEnv() []string {
	env := []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/local/bin:/usr/bin:/bin"}
	for _, name := range []string{"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// oneLine is the last line with content of a program's output, else the error's text.
func oneLine(output string, err error) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
