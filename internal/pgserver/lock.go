package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// shutdownWait bounds how long a start waits for the server of a Roster that was killed to end.
const shutdownWait = 20 * time.Second

// lockOwner makes us the one Roster of the data folder until unlockOwner or the end of our process. It does not wait for
// a holder that is alive; the short wait is for the children that one which was just killed was starting, as they have
// a copy of the lock until they become another program.
func lockOwner(l layout) (*os.File, error) {
	file, err := os.OpenFile(l.rosterLock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unwritable(l.root, err)
	}
	deadline := time.Now().Add(500 * time.Millisecond)
	for err = flock(file); errors.Is(err, syscall.EWOULDBLOCK); err = flock(file) {
		if time.Now().After(deadline) {
			holder := readPID(file)
			file.Close()
			return nil, inUse(l.root, holder)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot lock the data folder %s: %w", l.root, err)
	}
	if err := errors.Join(file.Truncate(0), writePID(file)); err != nil {
		unlockOwner(file)
		return nil, unwritable(l.root, err)
	}
	return file, nil
}

// unlockOwner lets the next Roster in at once, whoever has a copy of the descriptor.
func unlockOwner(file *os.File) {
	_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN) // closing it unlocks too, if later
	file.Close()
}

func writePID(file *os.File) error {
	_, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// lockServer takes the lock that all Postgres processes of the folder inherit. It waits a bounded time for those of a
// Roster that was killed. Closing our copy leaves the lock to the server.
func lockServer(ctx context.Context, l layout) (*os.File, error) {
	file, err := os.OpenFile(l.postgresLock(), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unwritable(l.root, err)
	}
	deadline := time.Now().Add(shutdownWait)
	for {
		err := flock(file)
		switch {
		case err == nil:
			return file, nil
		case !errors.Is(err, syscall.EWOULDBLOCK):
			file.Close()
			return nil, fmt.Errorf("cannot lock the data folder %s: %w", l.root, err)
		case time.Now().After(deadline):
			file.Close()
			return nil, inUse(l.root, readPostmaster(l.cluster()).pid)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("gave up waiting for the previous Postgres of %s to end: %w", l.root, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func flock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func inUse(dir string, pid int) error {
	by := "another process"
	if pid > 0 {
		by = "process " + strconv.Itoa(pid)
	}
	return fmt.Errorf("the data folder %s is already in use by %s: stop that one, or choose another folder with ROSTER_DATA_DIR", dir, by)
}

// readPID reads the process id in a lock file; 0 if there is none (yet).
func readPID(file *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
