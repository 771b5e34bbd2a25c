package graph

import (
	"crypto/hmac"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
)

// routeLogin adds the sign-in of the Microsoft identity platform ("OAuth 2.0 client credentials flow") and what its
// libraries read before.
func (s *Server) routeLogin(mux *http.ServeMux) {
	mux.HandleFunc("GET /common/discovery/instance", s.instances)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", s.configuration)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", s.token)
}

func (s *Server) instances(w http.ResponseWriter, _ *http.Request) {
	host := strings.TrimPrefix(s.url, "https://")
	write(w, http.StatusOK, row{
		"tenant_discovery_endpoint": s.url + "/" + s.Tenant.ID + "/v2.0/.well-known/openid-configuration", "api-version": "1.1",
		"metadata": []row{{"preferred_network": host, "preferred_cache": host, "aliases": []string{host}}},
	})
}

func (s *Server) configuration(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if !s.known(tenant) {
		refuse(w, http.StatusBadRequest, "invalid_tenant", 90002, "Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID.")
		return
	}
	base := s.url + "/" + tenant
	write(w, http.StatusOK, row{
		"issuer": s.url + "/" + s.Tenant.ID + "/v2.0", "token_endpoint": base + "/oauth2/v2.0/token",
		"authorization_endpoint": base + "/oauth2/v2.0/authorize", "device_authorization_endpoint": base + "/oauth2/v2.0/devicecode",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"}, "tenant_region_scope": "EU",
		"cloud_instance_name": strings.TrimPrefix(s.url, "https://"), "msgraph_host": strings.TrimPrefix(s.url, "https://"),
	})
}

func (s *Server) known(tenant string) bool {
	return strings.EqualFold(tenant, s.Tenant.ID) || strings.EqualFold(tenant, s.Tenant.Domain)
}

// token answers the client credentials grant.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	form := r.PostFormValue
	assertion := form("client_assertion")
	switch tenant := r.PathValue("tenant"); {
	case !s.known(tenant):
		refuse(w, http.StatusBadRequest, "invalid_request", 90002, "Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID.")
	case form("grant_type") != "client_credentials":
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	case form("client_id") != s.ClientID:
		refuse(w, http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '"+form("client_id")+"' was not found in the directory.")
	case !slices.ContainsFunc(strings.Fields(form("scope")), func(scope string) bool { return strings.HasSuffix(scope, "/.default") }):
		refuse(w, http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
	case assertion == "" && form("client_secret") == "":
		refuse(w, http.StatusUnauthorized, "invalid_client", 7000216, "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	case assertion == "" && subtle.ConstantTimeCompare([]byte(form("client_secret")), []byte(s.ClientSecret)) == 0:
		refuse(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.")
	case assertion != "" && !s.signed(assertion):
		refuse(w, http.StatusUnauthorized, "invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application.")
	default:
		seconds := int(s.TokenLifetime.Seconds())
		write(w, http.StatusOK, row{"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": s.issueToken()})
	}
}

// signed says whether an assertion is one of the application, made with its certificate.
func (s *Server) signed(assertion string) bool {
	if s.Certificate == nil {
		return false
	}
	parsed, err := jose.ParseSigned(assertion, []jose.SignatureAlgorithm{jose.RS256, jose.PS256})
	if err != nil {
		return false
	}
	text, err := parsed.Verify(s.Certificate.PublicKey)
	var claims struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expires  int64  `json:"exp"`
	}
	return err == nil && json.Unmarshal(text, &claims) == nil && claims.Issuer == s.ClientID && claims.Subject == s.ClientID &&
		strings.HasPrefix(claims.Audience, s.url+"/") && claims.Expires > time.Now().Unix()
}

// grant is what an access token holds.
type grant struct {
	Expires time.Time
	Login   int
}

func (s *Server) issueToken() string {
	s.mu.Lock()
	login := s.logins
	s.mu.Unlock()
	text, _ := json.Marshal(grant{time.Now().Add(s.TokenLifetime), login})
	return base64.RawURLEncoding.EncodeToString(append(s.sign("access", text), text...))
}

// authorize looks at the token of a request.
func (s *Server) authorize(r *http.Request) error {
	refused := &failure{http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty.", ""}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer || token == "" {
		return refused
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	var g grant
	if err != nil || len(text) < 16 || !hmac.Equal(text[:16], s.sign("access", text[16:])) || json.Unmarshal(text[16:], &g) != nil {
		refused.message = "CompactToken parsing failed with error code: 80049217"
		return refused
	}
	s.mu.Lock()
	login := s.logins
	s.mu.Unlock()
	if time.Now().After(g.Expires) || g.Login != login || s.Adversary.refuses() {
		refused.message = "Lifetime validation failed, the token is expired."
		return refused
	}
	return nil
}

// refuse answers as the sign-in does ("Microsoft Entra authentication and authorization error codes").
func refuse(w http.ResponseWriter, status int, code string, number int, message string) {
	trace, correlation, now := uuid.NewString(), uuid.NewString(), time.Now().UTC().Format("2006-01-02 15:04:05Z")
	write(w, status, row{
		"error": code, "error_codes": []int{number}, "timestamp": now, "trace_id": trace, "correlation_id": correlation,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", number, message, trace, correlation, now),
	})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
