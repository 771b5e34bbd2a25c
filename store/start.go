package store

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/lib/pq"
)

// startError says in a sentence why the database cannot be used at the start, and what to do. It names neither the
// user's password nor the URL.
func startError(ctx context.Context, cfg pq.Config, err error) error {
	at := net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port))
	if len(cfg.Host) > 0 && cfg.Host[0] == '/' {
		at = cfg.Host
	}
	if p := (*pq.Error)(nil); errors.As(err, &p) {
		switch {
		case p.Code.Class() == "28":
			return fmt.Errorf("the database at %s refuses the user %q: check the user and the password in the database URL", at, cfg.User)
		case p.Code == "3D000":
			return fmt.Errorf("there is no database %q at %s: create it, or name another one in the database URL", cfg.Database, at)
		case p.Code == "53300":
			return fmt.Errorf("the database at %s has no connection left: raise its max_connections or lower Roster's", at)
		}
		return fmt.Errorf("the database at %s refuses the connection: %s", at, p.Message)
	}
	if errors.Is(err, pq.ErrSSLNotSupported) {
		return fmt.Errorf("the database at %s has no TLS: switch it on there, or add sslmode=disable to the database URL", at)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("no database answers at %s in time: check that it runs and that the database URL is right", at)
	}
	return fmt.Errorf("no database answers at %s: check that it runs and that the database URL is right", at)
}
