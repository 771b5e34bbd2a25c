package sharepoint

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
)

// tokenLife is how long a token opens the site.
const tokenLife = time.Hour

// assertionType is that of RFC 7523 section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// entra is the sign-in: it knows one application by its certificate.
type entra struct {
	tenant, clientID string
	origin           string
	certificate      *x509.Certificate
	now              func() time.Time
	tokens           map[string]time.Time // until when each is good
}

// openID answers with what clients look an authority up by; see "OpenID Connect on the Microsoft identity platform".
func (e *entra) openID(w http.ResponseWriter) {
	base := e.origin + "/" + e.tenant
	answer(w, http.StatusOK, map[string]any{
		"issuer":                 base + "/v2.0",
		"authorization_endpoint": base + "/oauth2/v2.0/authorize",
		"token_endpoint":         base + "/oauth2/v2.0/token",
	})
}

// issue answers a request for a token; see "Microsoft identity platform and the OAuth 2.0 client credentials flow".
func (e *entra) issue(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	form := r.PostForm
	refuse := func(oauth, code, text string) {
		answer(w, http.StatusBadRequest, map[string]any{"error": oauth, "error_description": "AADSTS" + code + ": " + text})
	}
	switch {
	case form.Get("grant_type") != "client_credentials":
		refuse("unsupported_grant_type", "70003", "The simulator knows client credentials only.")
	case form.Get("client_id") != e.clientID:
		refuse("unauthorized_client", "700016", "The application was not found in the directory.")
	case form.Has("client_secret"):
		refuse("invalid_client", "7000215", "SharePoint takes no token that was got with a client secret.")
	case form.Get("scope") != e.origin+"/.default" && !strings.HasPrefix(form.Get("scope"), e.origin+"/.default "):
		refuse("invalid_resource", "500011", "The resource principal was not found in the tenant.")
	case form.Get("client_assertion_type") != assertionType || e.verify(form.Get("client_assertion")) != nil:
		refuse("invalid_client", "700027", "The certificate with the identifier used to sign the client assertion is not registered.")
	default:
		token := rand.Text()
		e.tokens[token] = e.now().Add(tokenLife)
		answer(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "ext_expires_in": int(tokenLife.Seconds()), "access_token": token})
	}
}

// urlSafe puts base 64 into the one form of RFC 7515 section 2. Libraries of Microsoft's write thumbprints in the other.
var urlSafe = strings.NewReplacer("+", "-", "/", "_", "=", "")

// verify checks an assertion; see "Microsoft identity platform application authentication certificate credentials".
func (e *entra) verify(assertion string) error {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return errors.New("it is no JWT")
	}
	var header struct {
		Alg        string `json:"alg"`
		Thumbprint string `json:"x5t#S256"`
	}
	var claims struct {
		Audience string  `json:"aud"`
		Issuer   string  `json:"iss"`
		Subject  string  `json:"sub"`
		Expires  float64 `json:"exp"`
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return err
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	key, _ := e.certificate.PublicKey.(*rsa.PublicKey)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch header.Alg {
	case "PS256":
		err = rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil)
	case "RS256":
		err = rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
	default:
		err = errors.New("it is signed in no way that is known")
	}
	thumbprint := sha256.Sum256(e.certificate.Raw)
	switch {
	case err != nil:
		return err
	case header.Thumbprint != "" && urlSafe.Replace(header.Thumbprint) != base64.RawURLEncoding.EncodeToString(thumbprint[:]):
		return errors.New("it names another certificate")
	case claims.Issuer != e.clientID, claims.Subject != e.clientID, !strings.HasPrefix(claims.Audience, e.origin+"/"+e.tenant+"/"):
		return errors.New("it is somebody else's, or for somebody else")
	case claims.Expires < float64(e.now().Unix()):
		return errors.New("it has expired")
	}
	return nil
}

// opens reports whether a request bears a good token.
func (e *entra) opens(r *http.Request) bool {
	token, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	until, known := e.tokens[token]
	return bears && known && e.now().Before(until)
}

// revoke makes the token of a request a bad one.
func (e *entra) revoke(r *http.Request) {
	delete(e.tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
}
