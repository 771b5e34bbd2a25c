package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/outbound"
)

// Issuer is an OpenID Connect issuer whose access tokens are taken (RFC 9068, RFC 6750).
type Issuer struct {
	// URL is the issuer, as its tokens spell it in iss.
	URL string `json:"issuer"`
	// Audience is what tokens have to carry in aud.
	Audience string `json:"audience"`
	// Grants say what a token may do here: all that its claims give. A token with none of them opens nothing.
	Grants []Grant `json:"grants"`
	// RestrictTo narrows its tokens: each sees the parts that are its own, and one that has none opens nothing. Empty narrows nothing.
	RestrictTo []Part `json:"restrictTo"`
	// Identity says whom of the directory a token stands for; nil for nobody, as with tokens of programs.
	Identity *IdentityClaim `json:"identity"`
	// CAFile holds CA certificates (PEM) that are trusted for the issuer beside the system's; empty for none.
	CAFile string `json:"caFile"`
	// Client fetches the issuer's keys, within its bounds; see package outbound.
	Client *http.Client `json:"-"`
}

// Grant gives scopes to tokens with a value among those of a claim, such as scp (Entra ID, Okta), scope (RFC 9068
// section 2.2.3), roles or groups.
type Grant struct {
	Claim  string  `json:"claim"`
	Value  string  `json:"value"`
	Scopes []Scope `json:"scopes"`
}

// Part is a part of the directory that tokens see: one instance of a provider, or all of them where Instance is nil. It is that
// of tokens with a value among those of a claim, or of every one where both are empty.
type Part struct {
	Claim    string  `json:"claim"`
	Value    string  `json:"value"`
	Provider string  `json:"provider"`
	Instance *string `json:"instance"`
}

// IdentityClaim says which user of one instance a token stands for: the one whose attribute, externalId or userName, is
// the value of a claim.
type IdentityClaim struct {
	Claim     string             `json:"claim"`
	Provider  string             `json:"provider"`
	Instance  string             `json:"instance"`
	Attribute directory.ActingBy `json:"attribute"`
}

// SCIMGrants give the scope SCIM to tokens with a scope of the issuer's, in either claim that issuers put them in.
func SCIMGrants(scope string) []Grant {
	return []Grant{{Claim: "scope", Value: scope, Scopes: []Scope{SCIM}}, {Claim: "scp", Value: scope, Scopes: []Scope{SCIM}}}
}

// ReadIssuers reads the file of issuers, a JSON object whose issuers is a list of them. Its errors are sentences for the
// operator that say where in the file something is wrong.
func ReadIssuers(text []byte) ([]Issuer, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var file struct {
		Issuers []Issuer `json:"issuers"`
	}
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("it is not the JSON that is expected: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows after the JSON object")
	}
	if len(file.Issuers) == 0 {
		return nil, errors.New("issuers is missing or empty: list at least one issuer")
	}
	for n := range file.Issuers {
		if err := file.Issuers[n].check(); err != nil {
			return nil, fmt.Errorf("issuers[%d].%w", n, err)
		}
	}
	return file.Issuers, CheckIssuers(file.Issuers)
}

// CheckIssuers refuses two of one name: nobody could say which one is meant.
func CheckIssuers(issuers []Issuer) error {
	seen := map[string]bool{}
	for _, i := range issuers {
		if seen[i.URL] {
			return fmt.Errorf("the issuer %s is there twice", i.URL)
		}
		seen[i.URL] = true
	}
	return nil
}

// check fills in what is left out, and refuses an issuer that nobody could trust. Its error begins with the field.
func (i *Issuer) check() error {
	if err := outbound.CheckURL(i.URL); err != nil {
		return fmt.Errorf("issuer does not do: %w", err)
	}
	switch {
	case i.Audience == "":
		return errors.New("audience is missing: without it, tokens that the issuer made for others would be taken")
	case len(i.Grants) == 0:
		return errors.New("grants is missing or empty: without one, its tokens open nothing")
	}
	for n, g := range i.Grants {
		if err := g.check(); err != nil {
			return fmt.Errorf("grants[%d].%w", n, err)
		}
	}
	if err := i.checkRestriction(); err != nil {
		return err
	}
	if i.Identity == nil {
		return nil
	}
	if err := i.Identity.check(); err != nil {
		return fmt.Errorf("identity.%w", err)
	}
	return nil
}

// checkRestriction refuses parts that say nothing, and to narrow what has no narrow form.
func (i *Issuer) checkRestriction() error {
	if i.RestrictTo == nil {
		return nil
	}
	if len(i.RestrictTo) == 0 {
		return errors.New("restrictTo is empty, so that its tokens would see nobody: leave it out for tokens that see everything")
	}
	for n, p := range i.RestrictTo {
		switch {
		case p.Provider == "":
			return fmt.Errorf("restrictTo[%d].provider is missing: name the label of what is seen", n)
		case (p.Claim == "") != (p.Value == ""):
			return fmt.Errorf("restrictTo[%d] has one of claim and value: name both, or neither for every token", n)
		}
	}
	for n, g := range i.Grants {
		if at := slices.IndexFunc(g.Scopes, wide); at >= 0 {
			return fmt.Errorf("grants[%d].scopes has %s, which cannot be narrowed: restrictTo is for READ and ROLE_ADMIN", n, g.Scopes[at])
		}
	}
	return nil
}

func (g *Grant) check() error {
	switch {
	case g.Claim == "":
		return errors.New("claim is missing: name the claim to look at, such as scp, scope or roles")
	case g.Value == "":
		return errors.New("value is missing: name the value that the claim has to hold")
	case (g.Claim == "scp" || g.Claim == "scope") && strings.ContainsAny(g.Value, " \t"):
		return errors.New("value holds a space: name one scope")
	case len(g.Scopes) == 0:
		return errors.New("scopes is missing or empty: say what the claim gives")
	}
	for n, s := range g.Scopes {
		if !slices.Contains(allScopes, s) {
			return fmt.Errorf("scopes[%d] is %q: choose of READ, ROLE_ADMIN, SYNC_ADMIN, TOKEN_ADMIN and SCIM", n, s)
		}
	}
	return nil
}

// unreliable are claims that people choose for themselves at many issuers, or that an issuer does not verify: whoever
// takes one for somebody's name lets strangers in (OpenID Connect Core section 5.7).
var unreliable = []string{"email", "name", "nickname", "preferred_username", "unique_name", "phone_number", "given_name", "family_name"}

func (c *IdentityClaim) check() error {
	switch {
	case c.Claim == "":
		return errors.New("claim is missing: name the claim that names the user, such as sub or oid")
	case slices.Contains(unreliable, strings.ToLower(c.Claim)):
		return fmt.Errorf("claim is %q, which people can choose for themselves, or which is not verified: name one that the issuer alone decides, such as sub or oid", c.Claim)
	case c.Provider == "":
		return errors.New("provider is missing: name the label whose users the tokens stand for")
	case c.Attribute == "":
		c.Attribute = directory.ActingByExternalID
	case c.Attribute != directory.ActingByExternalID && c.Attribute != directory.ActingByUserName:
		return fmt.Errorf("attribute is %q: choose externalId or userName", c.Attribute)
	}
	return nil
}
