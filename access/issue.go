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
	return nil
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
	providers, err := s.store.Providers(ctx)
	if err != nil {
		return nil, err
	}
	label := directory.FoldKey(*provider)
	at := slices.IndexFunc(providers, func(p *directory.Provider) bool { return directory.FoldKey(p.Name) == label })
	if at < 0 {
		return nil, directory.NotFound("provider", "There is no provider %q.", *provider)
	}
	if providers[at].Type != directory.TypeSCIM {
		return nil, directory.BadInput("provider", "The provider %q is of type %s; a SCIM token belongs to an instance of type %s.", *provider, providers[at].Type, directory.TypeSCIM)
	}
	instances, err := s.store.Instances(ctx)
	if err != nil {
		return nil, err
	}
	key := ""
	if name != nil {
		key = directory.FoldKey(*name)
	}
	for _, i := range instances {
		if i.Provider.ID == providers[at].ID && directory.FoldKey(i.Name) == key {
			return i, nil
		}
	}
	if name == nil {
		return nil, directory.NotFound("instance", "The provider %q has no instance without a name; name one of its instances.", *provider)
	}
	return nil, directory.NotFound("instance", "The provider %q has no instance %q.", *provider, *name)
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
