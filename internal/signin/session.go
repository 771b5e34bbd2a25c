package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// margin is how long before its end an access token is not used any more.
const margin = 5 * time.Second

// Session is what one Tenant URL is reached with. It is safe for concurrent use, also by several processes.
type Session struct {
	Tenant string
	Store  Store
	// HTTP talks to the issuer.
	HTTP *http.Client
	// Secret is the client's at the issuer; empty for public clients.
	Secret string
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	mu   sync.Mutex
	held *saved
}

// SignIn signs a client in and keeps its tokens. show is given the address to open in a browser, unless the client acts
// for itself.
func (s *Session) SignIn(ctx context.Context, c Client, show func(address string)) error {
	ctx = with(ctx, s.HTTP)
	var tokens *Tokens
	var err error
	if c.Service {
		tokens, err = c.service(ctx, s.Secret)
	} else {
		tokens, err = c.browser(ctx, s.Secret, show)
	}
	if err != nil {
		return err
	}
	unlock, err := s.Store.lock(ctx, s.Tenant)
	if err != nil {
		return err
	}
	defer unlock()
	return s.Store.save(&saved{Tenant: s.Tenant, Client: c, Tokens: *tokens})
}

// Token returns an access token, a new one where the last has expired or is rejected. It fails with *Ended where
// somebody has to sign in.
func (s *Session) Token(ctx context.Context, rejected string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.good(s.held, rejected) {
		return s.held.Access, nil
	}
	unlock, err := s.Store.lock(ctx, s.Tenant)
	if err != nil {
		return "", err
	}
	defer unlock()
	if s.held, err = s.Store.load(s.Tenant); err != nil {
		return "", err
	}
	switch {
	case s.held == nil:
		return "", &Ended{Reason: "nobody is signed in for this Tenant URL"}
	case s.good(s.held, rejected): // another process has been at it
		return s.held.Access, nil
	}
	return s.renew(with(ctx, s.HTTP))
}

// renew replaces the tokens. The new ones are on the disk before anybody uses them: an issuer that rotates refresh tokens
// takes the old one for stolen when it comes again.
func (s *Session) renew(ctx context.Context) (string, error) {
	tokens, err := s.next(ctx)
	if ended := (*Ended)(nil); errors.As(err, &ended) {
		s.held = nil
		if failed := s.Store.remove(s.Tenant); failed != nil {
			return "", fmt.Errorf("%w; and %w", err, failed)
		}
		return "", err
	}
	if err != nil {
		return "", err
	}
	next := &saved{Tenant: s.Tenant, Client: s.held.Client, Tokens: *tokens}
	if err := s.Store.save(next); err != nil {
		return "", err
	}
	s.held = next
	return next.Access, nil
}

func (s *Session) next(ctx context.Context) (*Tokens, error) {
	c := s.held.Client
	switch {
	case c.Service && s.Secret == "":
		return nil, fmt.Errorf("the access token has ended, and the client's secret is needed for another: set ROSTER_SCIM_CLIENT_SECRET or ROSTER_SCIM_CLIENT_SECRET_FILE")
	case c.Service:
		return c.service(ctx, s.Secret)
	case s.held.Refresh == "":
		return nil, &Ended{Reason: "the access token has ended, and the issuer " + c.Issuer + " gave no refresh token", Client: c}
	}
	return c.refresh(ctx, s.Secret, s.held.Refresh)
}

func (s *Session) good(in *saved, rejected string) bool {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	return in != nil && in.Access != "" && in.Access != rejected && (in.Expires.IsZero() || now().Add(margin).Before(in.Expires))
}
