package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Store keeps sign-ins in a folder, one file for each Tenant URL, readable by their owner alone.
type Store struct {
	// Folder is created when something is kept.
	Folder string
}

// DefaultFolder is where sign-ins are kept: in the user's configuration.
func DefaultFolder() (string, error) {
	base, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to keep tokens in: %w", err)
	}
	return filepath.Join(base, "roster", "scim"), nil
}

// saved is a sign-in as its file holds it.
type saved struct {
	Tenant string `json:"tenant"`
	Client
	Tokens
}

// file is the path of a sign-in. A Tenant URL is no name for a file, so that is a hash of it.
func (s Store) file(tenant string) string {
	sum := sha256.Sum256([]byte(tenant))
	return filepath.Join(s.Folder, hex.EncodeToString(sum[:12])+".json")
}

// load returns a sign-in, nil where there is none.
func (s Store) load(tenant string) (*saved, error) {
	file := s.file(tenant)
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the tokens cannot be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("the tokens cannot be read: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read the tokens in %s: take that away with chmod 600, and sign in again if you do not trust them", file)
	}
	var out saved
	if err := json.NewDecoder(f).Decode(&out); err != nil {
		return nil, fmt.Errorf("the file of tokens %s is damaged: delete it and sign in again", file)
	}
	return &out, nil
}

// save replaces a sign-in as a whole: after a crash the file holds the old one or the new one. When it returns, the new
// one is on the disk.
func (s Store) save(in *saved) error {
	text, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		return err
	}
	if err := s.makeFolder(); err != nil {
		return err
	}
	file := s.file(in.Tenant)
	f, err := os.CreateTemp(s.Folder, "new-*") // readable by its owner alone
	if err != nil {
		return fmt.Errorf("the tokens cannot be kept: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err == nil {
		err = s.sync()
	}
	if err != nil {
		return fmt.Errorf("the tokens cannot be kept: %w", err)
	}
	return nil
}

// remove forgets a sign-in.
func (s Store) remove(tenant string) error {
	err := os.Remove(s.file(tenant))
	if err == nil {
		err = s.sync()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the tokens that are void cannot be deleted: %w", err)
	}
	return nil
}

func (s Store) makeFolder() error {
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return fmt.Errorf("the folder for tokens cannot be made: %w", err)
	}
	if err := os.Chmod(s.Folder, 0o700); err != nil {
		return fmt.Errorf("the folder for tokens cannot be closed to others: %w", err)
	}
	return nil
}

// sync brings the names in the folder to the disk.
func (s Store) sync() error {
	folder, err := os.Open(s.Folder)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// lock makes this process the only one that changes a sign-in, until unlock. Two that refreshed one at a time would each
// get a token that the other's makes void.
func (s Store) lock(ctx context.Context, tenant string) (unlock func(), err error) {
	if err := s.makeFolder(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.file(tenant)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the tokens cannot be locked: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("the tokens cannot be locked: %w", err)
	}
	return func() { f.Close() }, nil // closing it unlocks it
}
