package issuer

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/roster-gateway/roster/internal/outbound"
)

const (
	// MaxKeySet bounds the discovery document and the key set, in bytes; see [Config].Client.
	MaxKeySet = 256 << 10
	// maxKeys bounds the keys of a set; an issuer has two or three.
	maxKeys = 32
	// minRSA is the length of an RSA key, in bits (RFC 7518 section 3.3).
	minRSA = 2048
	// FetchLimit bounds one fetch.
	FetchLimit = 5 * time.Second
	// fetchPause is the time between fetches: tokens with unknown keys are anybody's to make.
	fetchPause = 10 * time.Second
	// refreshAfter is the age at which keys are asked for again, so that one which the issuer took back opens nothing.
	refreshAfter = 15 * time.Minute
	// maxAge is how long keys serve while the issuer cannot be reached.
	maxAge = 24 * time.Hour
)

// keySet are the keys of an issuer, as they were last fetched.
type keySet struct {
	cfg Config

	mu      sync.Mutex
	keys    []jose.JSONWebKey
	fetched time.Time // when keys came
	tried   time.Time // when a fetch last ended
	err     error     // why that brought nothing
	// running is closed when the fetch that is under way has ended; nil where none is.
	running chan struct{}
}

func newKeySet(cfg Config) *keySet { return &keySet{cfg: cfg} }

// find returns the public key that a token names. Known keys serve at once, even while newer ones are on their way; an
// unknown one is waited for, if it is time for a fetch.
func (s *keySet) find(ctx context.Context, h jose.Header) (any, error) {
	s.mu.Lock()
	key := s.known(h)
	now := s.cfg.Now()
	running := s.running
	if running == nil && now.Sub(s.tried) >= fetchPause && (key == nil || now.Sub(s.fetched) >= refreshAfter) {
		running = make(chan struct{})
		s.running = running
		go s.fetch(running)
	}
	s.mu.Unlock()
	if key != nil {
		return key, nil
	}
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := s.known(h); key != nil {
		return key, nil
	}
	if s.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, s.err)
	}
	return nil, refused("the issuer has no such key")
}

// known finds the key for a token among those at hand. A token that names none is taken where there is one to choose.
func (s *keySet) known(h jose.Header) any {
	if s.cfg.Now().Sub(s.fetched) >= maxAge {
		return nil
	}
	var found any
	for _, k := range s.keys {
		if k.KeyID != h.KeyID && h.KeyID != "" || !fits(k, h.Algorithm) {
			continue
		}
		if found != nil {
			return nil
		}
		found = k.Key
	}
	return found
}

// fits reports whether a key is one for an algorithm, and strong enough.
func fits(k jose.JSONWebKey, algorithm string) bool {
	if k.Algorithm != "" && k.Algorithm != algorithm || k.Use != "" && k.Use != "sig" {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return (algorithm == string(jose.RS256) || algorithm == string(jose.PS256)) && key.N.BitLen() >= minRSA
	case *ecdsa.PublicKey:
		return algorithm == string(jose.ES256) && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	}
	return false
}

// fetch asks the issuer for its keys. What is at hand stays where nothing better comes.
func (s *keySet) fetch(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), FetchLimit)
	defer cancel()
	keys, err := s.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.err = s.cfg.Now(), err
	if err == nil {
		s.keys, s.fetched = keys, s.tried
	}
	s.running = nil
	close(done)
}

func (s *keySet) ask(ctx context.Context) ([]jose.JSONWebKey, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, s.cfg.Client), s.cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("discovery failed: %w", err)
	}
	var document struct {
		KeysURL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, err
	}
	if err := outbound.CheckURL(document.KeysURL); err != nil {
		return nil, fmt.Errorf("jwks_uri of the discovery document: %w", err)
	}
	if strings.HasPrefix(s.cfg.URL, "https:") && !strings.HasPrefix(document.KeysURL, "https:") {
		return nil, errors.New("jwks_uri of the discovery document is not on TLS, as the issuer is")
	}
	text, err := outbound.Get(ctx, s.cfg.Client, document.KeysURL)
	if err != nil {
		return nil, err
	}
	return parseKeys(text)
}

// parseKeys reads a key set (RFC 7517 section 5). A key of a kind that we do not know is passed over.
func parseKeys(text []byte) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, errors.New("the key set is no JSON object with keys")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set holds %d keys, more than %d", len(set.Keys), maxKeys)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(raw, &k) == nil && k.IsPublic() {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set holds no public key")
	}
	return keys, nil
}
