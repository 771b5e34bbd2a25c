package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// Config says where and how a server runs.
type Config struct {
	// DataDir is the folder that holds the cluster and its locks; created with mode 0700, parents included.
	DataDir string
	// BinDir is the folder of postgres and initdb. Empty: they are searched for, see [Find].
	BinDir string
	// Ephemeral is for tests: nothing is synced to disk, 300 connections, and DataDir is removed when the server is
	// stopped and also when our process dies. DataDir must be missing or empty then.
	Ephemeral bool
	// Log takes the server's own messages. Nil: they are dropped.
	Log *slog.Logger
}

// startLimit bounds a start whose context has no earlier end. It is long because a server that was killed replays its
// log first; what cannot succeed fails within seconds.
const startLimit = 2 * time.Minute

// Server is a running Postgres. Its methods are safe for concurrent use.
type Server struct {
	layout    layout
	socketDir string
	child     *child
	owner     *os.File // the lock that makes us the folder's one Roster
	guard     *guard   // nil where the kernel's signal is enough
	ephemeral bool
	stop      sync.Once
	stopErr   error
}

// Start runs the server on the folder's cluster, which it creates first if there is none, and returns when the server
// answers. ctx bounds the start only. Every error is one sentence for the operator; it wraps [ErrNoBinaries] if there is
// no Postgres to run. The server ends with our process, however that ends.
func Start(ctx context.Context, cfg Config) (_ *Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	l, err := newLayout(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	s := &Server{layout: l, ephemeral: cfg.Ephemeral}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if err := s.claim(); err != nil {
		return nil, err
	}
	lock, err := lockServer(ctx, l)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // from here on the server's processes hold it
	if err := l.sweep(); err != nil {
		return nil, err
	}
	bin, who, err := s.choose(cfg)
	if err != nil {
		return nil, err
	}
	if bin.create {
		if err := s.create(ctx, bin.binaries, who, cfg, lock); err != nil {
			return nil, err
		}
	}
	if pid := clearStalePID(l.cluster()); pid != 0 {
		return nil, inUse(l.root, pid)
	}
	if err := s.launch(bin.binaries, who, cfg, lock); err != nil {
		return nil, err
	}
	if err := s.awaitReady(ctx); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// URL is the URL of a database of this server, for lib/pq and libpq, over its unix socket. The database "postgres"
// always exists; [Server.EnsureDatabase] makes others.
func (s *Server) URL(database string) string { return socketURL(s.socketDir, database) }

// Exited is closed when the server process has ended, whether by Stop or by itself.
func (s *Server) Exited() <-chan struct{} { return s.child.exited }

// Stop shuts the server down: fast (clients are disconnected, everything is written) until ctx ends or 8 s have passed,
// then at once (crash-safe; the next start replays the log). It returns when no process of the server is left, and says
// if the shutdown was not clean. Further calls give the first one's answer.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() {
		s.child.signal(syscall.SIGINT)
		if !s.child.wait(ctx, 8*time.Second) {
			s.stopErr = fmt.Errorf("the Postgres server of %s did not stop in time and was ended at once", s.layout.root)
		}
		s.end()
		s.release()
	})
	return s.stopErr
}

// end makes sure that no process of the server is left: immediate shutdown, in which Postgres itself kills what does not
// end within 5 s, and SIGKILL should even that hang.
func (s *Server) end() {
	s.child.signal(syscall.SIGQUIT)
	s.child.wait(context.Background(), 7*time.Second)
	s.child.killGroup()
	if s.guard != nil {
		s.guard.watchNothing()
	}
}

// claim creates the data folder and locks it for us. The guard, where one is needed, watches before there is anything.
func (s *Server) claim() (err error) {
	if s.ephemeral {
		entries, err := os.ReadDir(s.layout.root)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return unwritable(s.layout.root, err)
		}
		if len(entries) > 0 {
			return fmt.Errorf("the folder %s is not empty, so it cannot hold an ephemeral server, which removes it at its end", s.layout.root)
		}
		if s.guard, err = startGuard(s.layout.root); err != nil {
			return err
		}
	} else if !deathSignal {
		if s.guard, err = startGuard(""); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.layout.root, 0o700); err != nil {
		return unwritable(s.layout.root, err)
	}
	s.owner, err = lockOwner(s.layout)
	return err
}

// chosen are the binaries to run and whether they have to create the cluster first.
type chosen struct {
	binaries
	create bool
}

// choose finds binaries that fit the cluster, and the account.
func (s *Server) choose(cfg Config) (chosen, account, error) {
	major, err := clusterMajor(s.layout.cluster())
	if err != nil {
		return chosen{}, account{}, err
	}
	bin, err := find(cfg.BinDir, major)
	if err != nil {
		return chosen{}, account{}, err
	}
	if major != 0 && major != bin.major {
		return chosen{}, account{}, fmt.Errorf("the data in %s was made by Postgres %d but the binaries in %s are Postgres %d: "+
			"install Postgres %d or set ROSTER_POSTGRES_BIN to its bin folder (to move on, dump the data with it and restore it into a new data folder); "+
			"nothing was changed", s.layout.cluster(), major, bin.dir, bin.major, major)
	}
	who, err := serverAccount(s.layout.cluster())
	return chosen{binaries: bin, create: major == 0}, who, err
}

// create makes the cluster under a guard, because initdb has children.
func (s *Server) create(ctx context.Context, bin binaries, who account, cfg Config, lock *os.File) error {
	g := s.guard
	if g == nil {
		var err error
		if g, err = startGuard(""); err != nil {
			return err
		}
		defer g.dismiss()
	}
	return createCluster(ctx, s.layout, bin, who, cfg, lock, g)
}

// launch starts the server process.
func (s *Server) launch(bin binaries, who account, cfg Config, lock *os.File) error {
	var err error
	if s.socketDir, err = s.layout.chooseSocketDir(who); err != nil {
		return err
	}
	cluster := pathFor(who, s.layout.cluster())
	socketDir := s.socketDir
	if socketDir == s.layout.cluster() {
		socketDir = cluster
	} else if s.guard != nil {
		s.guard.alsoRemove(s.socketDir)
	}
	s.child, err = program{
		file: bin.postgres(), args: serverArgs(cluster, socketDir, cfg.Ephemeral), cluster: s.layout.cluster(),
		who: who, lock: lock, onDeath: syscall.SIGQUIT, log: newLogPump(cfg.Log),
	}.start()
	if err != nil {
		return err
	}
	s.child.keep = s
	if s.guard != nil {
		s.guard.watchServer(s.child)
	}
	return nil
}

// release gives up what we hold outside of the server: socket folder, an ephemeral folder, lock, guard. What is not
// locked by us is not ours to remove.
func (s *Server) release() {
	if s.owner != nil {
		err := s.layout.removeSocketDir()
		if s.ephemeral {
			err = errors.Join(err, os.RemoveAll(s.layout.root))
		}
		s.stopErr = errors.Join(s.stopErr, err)
		unlockOwner(s.owner)
		s.owner = nil
	}
	if s.guard != nil {
		s.guard.dismiss()
	}
}
