package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// clusterMajor is the major version of the cluster's Postgres; 0 if there is no cluster yet.
func clusterMajor(cluster string) (int, error) {
	text, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if err == nil {
		major, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return 0, fmt.Errorf("the folder %s is not a Postgres cluster that can be used: its PG_VERSION is %q", cluster, strings.TrimSpace(string(text)))
		}
		return major, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return 0, fmt.Errorf("cannot read the cluster in %s: %w", cluster, cause(err))
	}
	entries, err := os.ReadDir(cluster)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("cannot read the cluster in %s: %w", cluster, cause(err))
	case len(entries) > 0:
		return 0, fmt.Errorf("the folder %s is not empty and not a Postgres cluster: move it away, or choose another data folder with ROSTER_DATA_DIR", cluster)
	}
	return 0, nil
}

// createCluster makes a cluster. Text is ordered by its bytes everywhere, but lower() should know every letter where the
// system has a locale for that.
func createCluster(ctx context.Context, l layout, bin binaries, who account, cfg Config, lock *os.File, g *guard) error {
	err := initCluster(ctx, l, bin, who, cfg, lock, g, "C.UTF-8")
	if err != nil && strings.Contains(err.Error(), "locale") {
		return initCluster(ctx, l, bin, who, cfg, lock, g, "C")
	}
	return err
}

// initCluster runs initdb in a folder beside the final one and renames it into place when it is complete and on disk.
func initCluster(ctx context.Context, l layout, bin binaries, who account, cfg Config, lock *os.File, g *guard, letters string) (err error) {
	fresh, err := os.MkdirTemp(l.root, newClusterPattern)
	if err != nil {
		return unwritable(l.root, err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(fresh) // the next start sweeps what stays
		}
	}()
	if err := who.own(fresh); err != nil {
		return err
	}
	args := []string{
		"-D", pathFor(who, fresh), "--username=" + superuser, "--encoding=UTF8", "--locale=C", "--lc-ctype=" + letters,
		"--auth-local=trust", "--auth-host=reject", "--no-instructions",
	}
	if cfg.Ephemeral {
		args = append(args, "--no-sync")
	} else {
		args = append(args, "--data-checksums")
	}
	log := newLogPump(cfg.Log)
	initdb, err := program{
		file: bin.initdb(), args: args, cluster: fresh, who: who, lock: lock, onDeath: syscall.SIGKILL, log: log,
	}.start()
	if err != nil {
		return err
	}
	g.watchGroup(initdb)
	defer g.watchNothing()
	select {
	case <-initdb.exited:
	case <-ctx.Done():
		initdb.killGroup()
		return fmt.Errorf("gave up creating the Postgres cluster in %s: %w", l.root, ctx.Err())
	}
	<-log.ended
	if initdb.err != nil {
		return fmt.Errorf("cannot create the Postgres cluster in %s: %s", l.root, log.reason())
	}
	if err := os.Remove(l.cluster()); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty folder: see clusterMajor
		return unwritable(l.root, err)
	}
	if err := os.Rename(fresh, l.cluster()); err != nil {
		return fmt.Errorf("cannot move the new Postgres cluster to %s: %w", l.cluster(), err)
	}
	return syncDir(l.root)
}

// syncDir makes a rename within the folder durable.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return unwritable(dir, err)
	}
	defer file.Close()
	if err := file.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // a file system without it
		return unwritable(dir, err)
	}
	return nil
}
