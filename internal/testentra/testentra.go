// Package testentra is a stand-in for Entra ID and one service behind it, for tests: it issues tokens over TLS, and hands
// every other request over to the test.
package testentra

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/roster-gateway/roster/internal/canary"
)

// Tenant and ClientID are the ones that tests sign in with; the stand-in takes any.
const (
	Tenant   = "contoso.onmicrosoft.com"
	ClientID = "11111111-2222-3333-4444-555555555555"
)

// Server is one stand-in.
type Server struct {
	// URL is its https origin: the authority's and the service's.
	URL string
	// CA is its certificate in PEM.
	CA string

	mu     sync.Mutex
	token  func(w http.ResponseWriter, form url.Values) bool
	forms  []url.Values
	issued int
}

// Start starts a stand-in, which ends with the test. The service sees all requests but those of the sign-in.
func Start(t testing.TB, service http.Handler) *Server {
	t.Helper()
	s := &Server{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
			tenant := strings.Split(r.URL.Path, "/")[1]
			answer(w, map[string]any{
				"issuer":                 s.URL + "/" + tenant + "/v2.0",
				"authorization_endpoint": s.URL + "/" + tenant + "/oauth2/v2.0/authorize",
				"token_endpoint":         s.URL + "/" + tenant + "/oauth2/v2.0/token",
			})
		case strings.HasSuffix(r.URL.Path, "/oauth2/v2.0/token"):
			s.issue(w, r)
		default:
			service.ServeHTTP(w, r)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that trust nobody are part of the tests
	server.StartTLS()
	t.Cleanup(server.Close)
	s.URL = server.URL
	s.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	return s
}

func (s *Server) issue(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forms = append(s.forms, r.PostForm)
	if s.token != nil && s.token(w, r.PostForm) {
		return
	}
	s.issued++
	answer(w, map[string]any{"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600, "access_token": fmt.Sprintf(canary.Mark+"-token-%d", s.issued)})
}

// OnToken has a function answer requests for tokens. Where it reports false it has not, and a token is issued: a canary that ends in token-1,
// token-2 and so on.
func (s *Server) OnToken(f func(w http.ResponseWriter, form url.Values) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = f
}

// SignIns are the forms that tokens were asked for with.
func (s *Server) SignIns() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values(nil), s.forms...)
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
