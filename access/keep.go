package access

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"
)

// ExpiresSoon is how long before its end a token is warned about.
const ExpiresSoon = 14 * 24 * time.Hour

// warnEvery is how often the log says that a token expires soon.
const warnEvery = 24 * time.Hour

// Keep writes down the uses of tokens and warns of those that expire soon, until the context ends. Each replica warns.
func (s *Service) Keep(ctx context.Context) {
	every := time.NewTicker(writeUsesEvery)
	defer every.Stop()
	for {
		s.WarnOfExpiry(ctx)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if err := s.WriteUses(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the last uses of access tokens were not noted", "error", err)
		}
	}
}

// WarnOfExpiry logs the tokens that expire soon, each once a day. It is for one goroutine at a time.
func (s *Service) WarnOfExpiry(ctx context.Context) {
	now := s.now()
	maps.DeleteFunc(s.warned, func(_ uuid.UUID, at time.Time) bool { return now.Sub(at) >= warnEvery })
	for _, t := range s.expiring(now) {
		if _, told := s.warned[t.UID]; told {
			continue
		}
		s.warned[t.UID] = now
		s.log.WarnContext(ctx, "an access token expires soon: rotate it", "name", t.Name, "token", t.UID, "expires_at", t.ExpiresAt.UTC())
	}
}

// Expiring is how many live tokens expire soon, in the state that is held in memory.
func (s *Service) Expiring() int { return len(s.expiring(s.now())) }

func (s *Service) expiring(now time.Time) []*Token {
	var out []*Token
	if held := s.held.Load(); held != nil {
		for _, t := range held.byUID {
			if t.ExpiresAt != nil && t.live(now) && t.ExpiresAt.Sub(now) <= ExpiresSoon {
				out = append(out, t)
			}
		}
	}
	return out
}
