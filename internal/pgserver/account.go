package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// account is who the server runs as. The zero value is ourselves.
type account struct {
	name string
	uid  uint32
	gid  uint32
	drop bool // we are root and must become this account
}

// serverAccount chooses the account for the server of the cluster (which need not exist): ourselves, or for root, whom
// Postgres refuses, the cluster's owner, else postgres, else nobody.
func serverAccount(cluster string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	if runtime.GOOS != "linux" {
		return account{}, errors.New("the Postgres server does not run as root on this system: start Roster as an ordinary user, or set ROSTER_DATABASE_URL")
	}
	if info, err := os.Stat(cluster); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 {
			return account{name: nameOf(stat.Uid), uid: stat.Uid, gid: stat.Gid, drop: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(found.Uid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseUint(found.Gid, 10, 32)
		if err != nil {
			continue
		}
		return account{name: name, uid: uint32(uid), gid: uint32(gid), drop: true}, nil
	}
	return account{}, errors.New("the Postgres server does not run as root and there is no account postgres or nobody to run it: create one, or set ROSTER_DATABASE_URL")
}

// own gives the folder to the account.
func (a account) own(dir string) error {
	if !a.drop {
		return nil
	}
	if err := os.Chown(dir, int(a.uid), int(a.gid)); err != nil {
		return fmt.Errorf("cannot give the folder %s to the account %s: %w", dir, a.name, cause(err))
	}
	return nil
}

// credential drops every right of root: also the supplementary groups.
func (a account) credential() *syscall.Credential {
	if !a.drop {
		return nil
	}
	return &syscall.Credential{Uid: a.uid, Gid: a.gid}
}

func nameOf(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if found, err := user.LookupId(id); err == nil {
		return found.Username
	}
	return id
}
