package microsoft

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/dialing"
	"github.com/roster-gateway/roster/internal/outbound"
)

// Check tries what comes before any reading, step by step: "name resolution", "TLS" and "sign-in". It reports false once
// one has failed.
func (c *Client) Check(ctx context.Context, report func(connector.Check)) bool {
	origins := []string{c.service.Origin}
	if c.signIn.Credential != ManagedIdentity {
		origins = slices.Insert(origins, 0, c.signIn.Authority)
	}
	for _, step := range []struct {
		name string
		try  func() (string, error)
	}{
		{"name resolution", func() (string, error) { return c.eachOrigin(ctx, origins, c.resolve) }},
		{"TLS", func() (string, error) { return c.eachOrigin(ctx, origins, c.shakeHands) }},
		{"sign-in", func() (string, error) {
			c.forget()
			_, err := c.signedIn(ctx)
			return fmt.Sprintf("Entra ID gave a token for %s.", c.service.Name), err
		}},
	} {
		if !connector.Step(report, step.name, step.try) {
			return false
		}
	}
	return true
}

func (c *Client) eachOrigin(ctx context.Context, origins []string, try func(context.Context, *url.URL) (string, error)) (string, error) {
	var details []string
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil {
			return "", err
		}
		detail, err := try(ctx, u)
		if err != nil {
			return "", err
		}
		if !slices.Contains(details, detail) {
			details = append(details, detail)
		}
	}
	return strings.Join(details, " "), nil
}

func (c *Client) resolve(ctx context.Context, origin *url.URL) (string, error) {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", origin.Hostname())
	if err != nil {
		return "", dialing.Unreachable(origin.Hostname(), err)
	}
	for _, address := range addresses {
		if c.public && !outbound.IsPublic(address) {
			return "", dialing.Unreachable(origin.Hostname(), &outbound.PrivateAddressError{Address: address.String()})
		}
	}
	return fmt.Sprintf("%s has an address.", origin.Hostname()), nil
}

// shakeHands asks for anything without a token: whatever is answered, it came over TLS.
func (c *Client) shakeHands(ctx context.Context, origin *url.URL) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, origin.String(), nil)
	if err != nil {
		return "", err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return "", dialing.Unreachable(origin.Hostname(), err)
	}
	_ = response.Body.Close()
	return fmt.Sprintf("The certificate of %s is trusted.", origin.Hostname()), nil
}
