//go:build unix

package secret

import (
	"os"
	"syscall"
)

// sameOwner gives a file the owner and mode of another one: who changes a keyset need not be who reads it.
func sameOwner(file, as string) error {
	info, err := os.Stat(as)
	if err != nil {
		return err
	}
	if err := os.Chmod(file, info.Mode().Perm()); err != nil {
		return err
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	if !known || int(owner.Uid) == os.Geteuid() && int(owner.Gid) == os.Getegid() {
		return nil
	}
	return os.Chown(file, int(owner.Uid), int(owner.Gid))
}
