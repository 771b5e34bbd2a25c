// Package issuer verifies the access tokens of an OpenID Connect issuer: JWTs as RFC 9068 profiles them, and plain ones
// with the same claims. It knows nothing of Roster's own tokens.
package issuer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // unlike encoding/json, it tells names by their case, and takes each once
)

// Leeway is how far the clock of an issuer may be off.
const Leeway = 60 * time.Second

const (
	// maxToken bounds a token, in bytes: more is refused unread.
	maxToken = 16 << 10
	// maxName bounds the names of who acts, in bytes (OpenID Connect Core section 2 has 255 for sub).
	maxName = 255
)

// algorithms are those that a token may be signed with. None is symmetric, so that no public key can be taken for a
// secret (RFC 8725 section 3.1).
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

// The two ways for a token to open nothing.
var (
	// ErrRefused says that the token is not good.
	ErrRefused = errors.New("the token is refused")
	// ErrUnavailable says that the issuer's keys could not be fetched, so that nobody knows whether the token is good.
	ErrUnavailable = errors.New("the keys of the issuer cannot be fetched")
)

// Config says which tokens are good.
type Config struct {
	// URL is the issuer as its discovery document and its tokens spell it.
	URL string
	// Audience is who tokens have to be for.
	Audience string
	// Client fetches discovery and keys. It bounds time and size, and follows no redirect.
	Client *http.Client
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Issuer verifies tokens. It is safe for concurrent use.
type Issuer struct {
	cfg  Config
	keys *keySet
}

// New returns an Issuer. It fetches nothing before the first token comes.
func New(cfg Config) *Issuer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Issuer{cfg: cfg, keys: newKeySet(cfg)}
}

// URL is the issuer's name.
func (i *Issuer) URL() string { return i.cfg.URL }

// Claims are what a good token says.
type Claims struct {
	// Subject is who acts: sub, or where that is missing the client.
	Subject string
	// Expires is when the token ends; [Leeway] is not in it.
	Expires time.Time
	all     map[string]json.RawMessage
}

// Texts are the values of a claim: one text or a list of them (RFC 7519 section 4.1.3). The texts of scope and scp hold
// words with spaces between them (RFC 8693 section 4.2). A claim that is missing, or of another form, has none.
func (c *Claims) Texts(claim string) []string {
	raw, ok := c.all[claim]
	if !ok {
		return nil
	}
	if claim == "scope" || claim == "scp" {
		var texts words
		if json.Unmarshal(raw, &texts) != nil {
			return nil
		}
		return texts
	}
	var texts list
	if json.Unmarshal(raw, &texts) != nil {
		return nil
	}
	return texts
}

// Verify checks a token's form, signature, issuer, audience and time. It fails with [ErrRefused] or [ErrUnavailable], or
// with the context's error.
func (i *Issuer) Verify(ctx context.Context, token string) (*Claims, error) {
	if len(token) > maxToken {
		return nil, refused("it is too long")
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, refused("it is no JWT that is signed with RS256, PS256, ES256 or EdDSA")
	}
	// Nothing is fetched for a token that is plainly not of this issuer.
	var c claims
	var all map[string]json.RawMessage
	payload := signed.UnsafePayloadWithoutVerification()
	if cmp.Or(json.Unmarshal(payload, &c), json.Unmarshal(payload, &all)) != nil {
		return nil, refused("its claims cannot be read")
	}
	if err := cmp.Or(checkHeader(signed.Signatures[0].Protected), c.check(i.cfg)); err != nil {
		return nil, err
	}
	key, err := i.keys.find(ctx, signed.Signatures[0].Protected)
	if err != nil {
		return nil, err
	}
	if _, err := signed.Verify(key); err != nil {
		return nil, refused("its signature is not the issuer's")
	}
	return &Claims{Subject: c.name(), Expires: c.expires(), all: all}, nil
}

// checkHeader refuses what is no access token, and tokens that bring a key or say where to find one: keys come from the
// issuer alone.
func checkHeader(h jose.Header) error {
	kind, _ := h.ExtraHeaders[jose.HeaderType].(string)
	switch strings.TrimPrefix(strings.ToLower(kind), "application/") {
	case "", "jwt", "at+jwt":
	default:
		return refused("it is no access token")
	}
	if h.JSONWebKey != nil || h.ExtraHeaders["jku"] != nil || h.ExtraHeaders["x5u"] != nil {
		return refused("it brings a key of its own")
	}
	return nil
}

func refused(reason string) error { return fmt.Errorf("%w: %s", ErrRefused, reason) }

// claims are the claims of an access token (RFC 9068 section 2.2).
type claims struct {
	Issuer    string   `json:"iss"`
	Audience  list     `json:"aud"`
	Subject   string   `json:"sub"`
	ClientID  string   `json:"client_id"`
	Party     string   `json:"azp"`
	Expires   *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	// Bound says which key the sender has to prove (RFC 7800): no bearer token at all.
	Bound json.RawMessage `json:"cnf"`
}

func (c *claims) check(cfg Config) error {
	at := float64(cfg.Now().UnixMilli()) / 1000
	leeway := Leeway.Seconds()
	switch {
	case c.Issuer != cfg.URL:
		return refused("it is of another issuer")
	case !slices.Contains(c.Audience, cfg.Audience):
		return refused("it is for somebody else")
	case c.Expires == nil:
		return refused("it does not say when it expires")
	case at >= *c.Expires+leeway:
		return refused("it has expired")
	case c.NotBefore != nil && at < *c.NotBefore-leeway:
		return refused("it is not valid yet")
	case c.Bound != nil:
		return refused("it is bound to a key, and so no bearer token")
	case !isName(c.name()):
		return refused("it names nobody")
	}
	return nil
}

// latest is the last second that has a date in RFC 3339, which is soon enough for any token.
const latest = 253402300799

func (c *claims) expires() time.Time {
	return time.UnixMilli(int64(min(*c.Expires, latest) * 1000))
}

func (c *claims) name() string {
	for _, name := range []string{c.Subject, c.ClientID, c.Party} {
		if name != "" {
			return name
		}
	}
	return ""
}

// isName reports whether a text can name somebody in logs and in the audit trail.
func isName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// list are texts that come as a list, or as one text (RFC 7519 section 4.1.3).
type list []string

// UnmarshalJSON reads either form.
func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// words are texts that come as a list, or as one text with spaces between them.
type words []string

// UnmarshalJSON reads either form.
func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*w = strings.Fields(one)
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}
