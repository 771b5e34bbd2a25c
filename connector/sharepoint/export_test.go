package sharepoint

import (
	"context"
	"time"

	"github.com/roster-gateway/roster/connector"
)

// OnPause has a function stand in for the waiting of a source.
func OnPause(s connector.Source, pause func(context.Context, time.Duration) error) {
	s.(*source).client.Pause = pause
}

// Claim is what a login name says.
func Claim(login string) (connector.Ref, string) {
	c := parseClaim(login)
	return c.Of, c.Problem
}
