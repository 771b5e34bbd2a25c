// Package access decides who may do what: access tokens, the scopes that they carry, the principal that acts, and
// one table of rules for every field of the schema.
package access

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// Scope is a right that a token carries.
type Scope string

// The scopes. SCIM excludes every other one; RoleAdmin and SyncAdmin include Read.
const (
	Read       Scope = "READ"
	RoleAdmin  Scope = "ROLE_ADMIN"
	SyncAdmin  Scope = "SYNC_ADMIN"
	TokenAdmin Scope = "TOKEN_ADMIN"
	SCIM       Scope = "SCIM"
)

var allScopes = []Scope{Read, RoleAdmin, SyncAdmin, TokenAdmin, SCIM}

// AdminScopes is every scope but SCIM: what the bootstrap token carries.
var AdminScopes = []Scope{Read, RoleAdmin, SyncAdmin, TokenAdmin}

// Token is an access token without its secret, which is stored as a hash only.
type Token struct {
	ID     int64
	UID    uuid.UUID
	Name   string
	Scopes []Scope
	// Instance is the provider instance that a SCIM token belongs to; nil for other tokens.
	Instance *directory.Instance
	// RestrictTo is what the token sees of the directory; nil for everything. Within are the instances that come to this now.
	RestrictTo []Restriction
	Within     *directory.Scope
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
	CreatedAt  time.Time
	RevokedAt  *time.Time
}

// Restriction is a part of the directory that a token is narrowed to: one instance, or all instances of a provider, those to
// come too (Instance nil).
type Restriction struct {
	Provider string
	Instance *string
	// ProviderID is the store's key of the provider, or InstanceID of the instance; the other one is 0.
	ProviderID, InstanceID int64
}

// Principal is who acts in a request.
type Principal struct {
	Name   string
	Scopes []Scope
	// Token is the access token's public id; zero for the token of the configuration.
	Token uuid.UUID
	// Instance is the instance of a SCIM token; nil for a token of an issuer, see [Service.InstanceAt].
	Instance *directory.Instance
	// Issuer is who issued the token, empty for Roster's own, and Subject whom it stands for by the issuer's name.
	Issuer, Subject string
	// Identity is the public id of the user whom the token stands for; zero for tokens that belong to programs.
	Identity uuid.UUID
	// Within is what the principal sees of the directory; nil for everything.
	Within *directory.Scope
	// ExpiresAt is when the token ends; nil for one that does not expire.
	ExpiresAt *time.Time
}

// Has reports whether the principal carries a scope.
func (p *Principal) Has(s Scope) bool { return p != nil && slices.Contains(p.Scopes, s) }

// May reports whether the principal may use what needs a scope: who administers roles or synchronization may read
// what they change. What is anybody's is not for those who have the scope SCIM alone.
func (p *Principal) May(needed Scope) bool {
	if needed == Anyone {
		return p != nil && (len(p.Scopes) != 1 || p.Scopes[0] != SCIM)
	}
	return p.Has(needed) || needed == Read && (p.Has(RoleAdmin) || p.Has(SyncAdmin))
}

// Administers reports whether the principal carries a scope with which something can be changed, beside what is
// provisioned.
func (p *Principal) Administers() bool {
	return p.Has(RoleAdmin) || p.Has(SyncAdmin) || p.Has(TokenAdmin)
}

type principalKey struct{}

// WithPrincipal returns a context in which p acts, narrowed to what p sees.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	if p != nil && p.Within != nil {
		ctx = directory.WithScope(ctx, p.Within)
	}
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns the principal that acts in ctx, nil where nobody does.
func PrincipalFrom(ctx context.Context) *Principal {
	p, _ := ctx.Value(principalKey{}).(*Principal)
	return p
}

// Caller names whose token acts in ctx, for limits that each has: nobody's name is another's.
func Caller(ctx context.Context) string {
	p := PrincipalFrom(ctx)
	switch {
	case p == nil:
		return ""
	case p.Issuer != "":
		return p.Issuer + " " + p.Subject
	case p.Token == uuid.Nil:
		return AdminName
	}
	return p.Token.String()
}

// TokenConnection is one page of tokens, TokenEdge a row of it.
type (
	TokenConnection = directory.Page[*Token]
	TokenEdge       = directory.PageEdge[*Token]
)

// IsNode marks tokens as nodes.
func (*Token) IsNode() {}
