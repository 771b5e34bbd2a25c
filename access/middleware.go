package access

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/telemetry"
)

// Middleware lets only GraphQL callers through: next runs with the [Principal] and the directory.Actor in its context.
// For others it calls refuse with the error to answer: CodeUnauthenticated, CodeForbidden for a SCIM token, or what
// went wrong.
func (s *Service) Middleware(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		principal, err := s.Authenticate(r.Context(), r.Header.Values("Authorization"))
		if err == nil {
			err = RequireGraphQL(principal)
		}
		if err != nil {
			refuse(w, r, err)
			return
		}
		ctx := WithPrincipal(r.Context(), principal)
		actor := principal.Actor("graphql", telemetry.RequestID(ctx))
		next.ServeHTTP(w, r.WithContext(directory.WithActor(ctx, actor)))
	})
}

// RequireGraphQL refuses principals that may use no part of the GraphQL API: nobody, and SCIM tokens.
func RequireGraphQL(p *Principal) error {
	switch {
	case p == nil:
		return unauthenticated()
	case p.Check(DoorGraphQL) != nil:
		return forbidden("This token is for SCIM only. GraphQL takes a token with the scope READ or an admin scope.")
	}
	return nil
}

// Actor is the principal as the audit trail names it.
func (p *Principal) Actor(door, requestID string) directory.Actor {
	a := directory.Actor{Name: p.Name, Door: door, RequestID: requestID}
	if p.Token != uuid.Nil {
		a.Token = p.Token.String()
	}
	return a
}
