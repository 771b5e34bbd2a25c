package pgserver

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	// port only names the socket file; nothing listens on the network.
	port = "5432"
	// superuser is the one role of the cluster.
	superuser = "roster"
	// maxSocketDir keeps the socket's path, with the longest suffix of Postgres, below the 104 to 108 bytes of sun_path.
	maxSocketDir = 103 - len("/.s.PGSQL."+port)
)

// chooseSocketDir gives the folder for the server's socket: the cluster itself, which is private already and goes with
// the data. Only if its path is too long for a socket, or has a comma, at which clients split a list of hosts, it is a
// private folder below /tmp. That one is noted in the data folder, so that the next start can remove it if we are killed.
func (l layout) chooseSocketDir(who account) (string, error) {
	if len(l.cluster()) <= maxSocketDir && !strings.Contains(l.cluster(), ",") {
		return l.cluster(), nil
	}
	dir, err := os.MkdirTemp("/tmp", "roster-") // 0700; TMPDIR may be long, or closed to the server's account
	if err != nil {
		return "", fmt.Errorf("the data folder's path cannot be that of a socket and /tmp cannot hold it: %w", cause(err))
	}
	if err := os.WriteFile(l.socketNote(), []byte(dir), 0o600); err != nil {
		_ = os.Remove(dir)
		return "", unwritable(l.root, err)
	}
	return dir, who.own(dir)
}

// removeSocketDir removes the socket folder outside of the data folder, if there is one.
func (l layout) removeSocketDir() error {
	note, err := os.ReadFile(l.socketNote())
	if err != nil {
		return nil //nolint:nilerr // the usual case: the socket is in the cluster
	}
	dir := string(note)
	if filepath.Dir(dir) == "/tmp" && strings.HasPrefix(filepath.Base(dir), "roster-") {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("cannot remove the old socket folder %s: %w", dir, cause(err))
		}
	}
	if err := os.Remove(l.socketNote()); err != nil {
		return unwritable(l.root, err)
	}
	return nil
}

// socketURL is the URL of a database behind the socket, for lib/pq and libpq alike.
func socketURL(socketDir, database string) string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.User(superuser),
		Path:   "/" + database,
		RawQuery: url.Values{
			"host":    {socketDir},
			"port":    {port},
			"sslmode": {"disable"},
		}.Encode(),
	}
	return u.String()
}
