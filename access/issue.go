package access

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// CreateTokenInput describes a token to create.
type CreateTokenInput struct {
	Name   string
	Scopes []Scope
	// Provider and Instance name the instance of a SCIM token. Instance nil is the provider's instance without a name.
	Provider, Instance *string
	// RestrictTo narrows a token to parts of the directory, by their names; nil for everything.
	RestrictTo []Restriction
	// ExpiresAt nil means never.
	ExpiresAt *time.Time
}

// CreateToken creates a token. The secret is returned this once; only its hash is kept.
func (s *Service) CreateToken(ctx context.Context, in CreateTokenInput) (*Token, string, error) {
	t := Token{UID: uuid.New(), Name: strings.TrimSpace(in.Name), Scopes: inOrder(in.Scopes), ExpiresAt: in.ExpiresAt}
	if err := s.check(t, in); err != nil {
		return nil, "", err
	}
	if err := mayGive(PrincipalFrom(ctx), t.Scopes); err != nil {
		return nil, "", err
	}
	if slices.Contains(t.Scopes, SCIM) {
		instance, err := s.instance(ctx, in.Provider, in.Instance)
		if err != nil {
			return nil, "", err
		}
		t.Instance = instance
	}
	var err error
	if t.RestrictTo, err = s.restrictions(ctx, in.RestrictTo); err != nil {
		return nil, "", err
	}
	secret := newSecret()
	token, err := s.store.InsertToken(ctx, t, HashOf(secret), created(ctx, t))
	if err != nil {
		return nil, "", err
	}
	return token, secret, nil
}

// check refuses what is wrong about a token whatever is stored.
func (s *Service) check(t Token, in CreateTokenInput) error {
	switch {
	case t.Name == "":
		return directory.BadInput("name", "name is required and must not be blank.")
	case len(t.Name) > directory.MaxNameLength:
		return directory.BadInput("name", "name is %d bytes long; at most %d are kept.", len(t.Name), directory.MaxNameLength)
	case !utf8.ValidString(t.Name) || strings.ContainsRune(t.Name, 0):
		return directory.BadInput("name", "name must be valid UTF-8 without NUL characters.")
	case len(t.Scopes) == 0:
		return directory.BadInput("scopes", "scopes must hold at least one scope.")
	case t.ExpiresAt != nil && !t.ExpiresAt.After(s.now()):
		return directory.BadInput("expiresAt", "expiresAt must be in the future; leave it out for a token that does not expire.")
	case !slices.Contains(t.Scopes, SCIM) && in.Provider != nil:
		return directory.BadInput("provider", "provider is for SCIM tokens only; a token of other scopes belongs to no instance.")
	case !slices.Contains(t.Scopes, SCIM) && in.Instance != nil:
		return directory.BadInput("instance", "instance is for SCIM tokens only; a token of other scopes belongs to no instance.")
	case slices.Contains(t.Scopes, SCIM) && len(t.Scopes) > 1:
		return directory.BadInput("scopes", "SCIM excludes every other scope; create a second token for them.")
	case slices.Contains(t.Scopes, SCIM) && in.Provider == nil:
		return directory.BadInput("provider", "provider is required for a SCIM token.")
	}
	return checkRestriction(t, in)
}

// mayGive refuses to give scopes away that the giver lacks, so that TOKEN_ADMIN alone makes nobody more than that. SCIM is
// given by who administers the instances that it pushes into. Nil is the system itself.
func mayGive(giver *Principal, scopes []Scope) error {
	for _, s := range scopes {
		needed := s
		if s == SCIM {
			needed = SyncAdmin
		}
		if giver != nil && !giver.May(needed) {
			return forbidden("A token with the scope " + string(s) + " is made by who has the scope " + string(needed) + ", which this access token does not carry.")
		}
	}
	return nil
}

// instance finds the SCIM instance that a token is to belong to.
func (s *Service) instance(ctx context.Context, provider, name *string) (*directory.Instance, error) {
	p, err := s.provider(ctx, "provider", *provider)
	if err != nil {
		return nil, err
	}
	if p.Type != directory.TypeSCIM {
		return nil, directory.BadInput("provider", "The provider %q is of type %s; a SCIM token belongs to an instance of type %s.", *provider, p.Type, directory.TypeSCIM)
	}
	instance, err := s.instanceOf(ctx, p, deref(name))
	switch {
	case err != nil || instance != nil:
		return instance, err
	case name == nil:
		return nil, directory.NotFound("instance", "The provider %q has no instance without a name; name one of its instances.", *provider)
	}
	return nil, directory.NotFound("instance", "The provider %q has no instance %q.", *provider, *name)
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// provider finds a provider by its label.
func (s *Service) provider(ctx context.Context, field, label string) (*directory.Provider, error) {
	providers, err := s.store.Providers(ctx)
	if err != nil {
		return nil, err
	}
	key := directory.FoldKey(label)
	at := slices.IndexFunc(providers, func(p *directory.Provider) bool { return directory.FoldKey(p.Name) == key })
	if at < 0 {
		return nil, directory.NotFound(field, "There is no provider %q.", label)
	}
	return providers[at], nil
}

// instanceOf finds an instance of a provider by its name, nil where there is none.
func (s *Service) instanceOf(ctx context.Context, p *directory.Provider, name string) (*directory.Instance, error) {
	instances, err := s.store.Instances(ctx)
	if err != nil {
		return nil, err
	}
	key := directory.FoldKey(name)
	at := slices.IndexFunc(instances, func(i *directory.Instance) bool { return i.Provider.ID == p.ID && directory.FoldKey(i.Name) == key })
	if at < 0 {
		return nil, nil
	}
	return instances[at], nil
}

// Revoke ends a token for good, at once.
func (s *Service) Revoke(ctx context.Context, id string) error {
	uid, err := uuid.Parse(id)
	missing := directory.NotFound("id", "There is no access token with this id, or it is revoked already.")
	if err != nil || len(id) != 36 {
		return missing
	}
	found, err := s.store.RevokeToken(ctx, uid, s.now(), directory.Audit{
		Actor: directory.ActorFrom(ctx), Action: "token.revoke", Target: uid.String(),
	})
	if err != nil {
		return err
	}
	if !found {
		return missing
	}
	return nil
}

func created(ctx context.Context, t Token) directory.Audit {
	detail := map[string]any{"name": t.Name, "scopes": t.Scopes}
	if t.Instance != nil {
		detail["provider"], detail["instance"] = t.Instance.Provider.Name, t.Instance.Name
	}
	if t.RestrictTo != nil {
		detail["restrictTo"] = t.RestrictTo
	}
	if t.ExpiresAt != nil {
		detail["expiresAt"] = t.ExpiresAt.UTC()
	}
	return directory.Audit{Actor: directory.ActorFrom(ctx), Action: "token.create", Target: t.UID.String(), Detail: detail}
}

// inOrder lists scopes once each, in the order of their declaration.
func inOrder(scopes []Scope) []Scope {
	out := []Scope{}
	for _, s := range allScopes {
		if slices.Contains(scopes, s) {
			out = append(out, s)
		}
	}
	return out
}
