package microsoft

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/dialing"
	"github.com/roster-gateway/roster/internal/outbound"
)

// The bounds of one request.
const (
	requestLimit = 100 * time.Second
	maxAnswer    = 64 << 20
	// tokenMargin is how long before its end a token is used no more.
	tokenMargin = 5 * time.Minute
)

// Client reads one service. It may be used by several goroutines.
type Client struct {
	// Pause waits between two tries. It ends with the error of its context.
	Pause func(context.Context, time.Duration) error

	service Service
	signIn  SignIn
	origin  *url.URL
	public  bool
	http    *http.Client // to the service
	tokens  *http.Client // to the authority

	mu    sync.Mutex
	token azcore.AccessToken
}

// Open makes a client. It sends nothing yet; its errors are of [connector.Misconfigured].
func Open(signIn SignIn, service Service, cfg connector.Config) (*Client, error) {
	origin, err := url.Parse(service.Origin)
	if err != nil || HTTPSOrigin(service.Origin) != nil {
		return nil, connector.Errorf(connector.Misconfigured, "The address of %s has to be an https origin, such as https://graph.microsoft.com.", service.Name)
	}
	if HTTPSOrigin(signIn.Authority) != nil {
		return nil, connector.Errorf(connector.Misconfigured, "The address of the authority has to be an https origin, such as https://login.microsoftonline.com.")
	}
	bounds := outbound.Config{CA: cfg.Values[connector.CACertificate.Key], PublicOnly: !cfg.AllowPrivate, Direct: true, Timeout: requestLimit, MaxAnswer: maxAnswer}
	c := &Client{Pause: dialing.Pause, service: service, signIn: signIn, origin: origin, public: bounds.PublicOnly}
	if c.http, err = outbound.NewClient(bounds); err != nil {
		return nil, connector.Errorf(connector.Misconfigured, "%s cannot be used: at least one certificate in PEM is expected.", connector.CACertificate.Key)
	}
	c.tokens = c.http
	if signIn.Credential == ManagedIdentity {
		// The platform itself gives the tokens, at an address of this machine's own.
		bounds.PublicOnly = false
		if c.tokens, err = outbound.NewClient(bounds); err != nil {
			return nil, err
		}
	}
	if _, err := signIn.credential(c.tokens); err != nil {
		return nil, err
	}
	return c, nil
}

// Get reads the JSON answer of an address into a value. The address is a path with its query, or a link that the service
// gave. What passes is tried again; a pause of more than half a minute is left to the synchronization
// ([connector.Throttled]).
func (c *Client) Get(ctx context.Context, link string, into any) error {
	address, err := c.address(link)
	if err != nil {
		return err
	}
	renewed := false
	for try := 1; ; try++ {
		err := c.once(ctx, address, into)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if refusal := AsRefusal(err); refusal != nil && refusal.Status == http.StatusUnauthorized && !renewed {
			renewed = true
			c.forget()
			continue
		}
		passing := (*passing)(nil)
		if !errors.As(err, &passing) {
			return err
		}
		if try == tries || passing.after > longestPause {
			return passing.given()
		}
		if err := c.Pause(ctx, passing.pause(try)); err != nil {
			return err
		}
	}
}

// address resolves a link, and lets none lead the token to somewhere else.
func (c *Client) address(link string) (*url.URL, error) {
	u, err := c.origin.Parse(link)
	if err != nil || u.Scheme != c.origin.Scheme || !strings.EqualFold(u.Hostname(), c.origin.Hostname()) || port(u) != port(c.origin) || u.User != nil {
		return nil, connector.Errorf(connector.Unavailable, "%s sent a link that leads away from %s. It is not followed, so that nobody else gets the token.", c.service.Name, c.service.Origin)
	}
	return u, nil
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	return "443"
}

// once asks once.
func (c *Client) once(ctx context.Context, address *url.URL, into any) error {
	token, err := c.signedIn(ctx)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "Roster")
	for name, value := range c.service.Header {
		request.Header.Set(name, value)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := c.http.Do(request)
	if err != nil {
		return c.broken(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case errors.Is(err, outbound.ErrTooLarge):
		return connector.Errorf(connector.Unavailable, "%s gave an answer of more than %d MiB for %s. It is not read.", c.service.Name, maxAnswer>>20, address.Path)
	case response.StatusCode != http.StatusOK:
		return c.refusal(address, response, body)
	case err != nil:
		return c.broken(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &passing{err: &connector.Error{Message: fmt.Sprintf("%s gave an answer for %s that is not the JSON which belongs there. Roster tries again.", c.service.Name, address.Path), Cause: errors.New("the answer does not decode")}}
	}
	return nil
}

// broken is an error of the network: one that passes, unless it is about the address or its certificate.
func (c *Client) broken(err error) error {
	explained := dialing.Unreachable(c.origin.Hostname(), err)
	if explained.Code == connector.Misconfigured {
		return explained
	}
	return &passing{err: explained}
}

// signedIn returns a token that holds for a while.
func (c *Client) signedIn(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Token == "" || time.Until(c.token.ExpiresOn) < tokenMargin {
		token, err := c.signIn.token(ctx, c.tokens, c.service.scope())
		if err != nil {
			return "", err
		}
		c.token = token
	}
	return c.token.Token, nil
}

// forget drops the token, so that the next request signs in.
func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = azcore.AccessToken{}
}
