package microsoft

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"github.com/roster-gateway/roster/connector"
)

var (
	aadstsText = regexp.MustCompile(`AADSTS(\d{4,9})\b`)
	oauthText  = regexp.MustCompile(`"error"\s*:\s*"([a-z_]{1,40})"`)
)

// signInError is a reason for which Entra ID gives no token; see "Microsoft Entra authentication and authorization error
// codes".
type signInError struct {
	codes   []string
	code    connector.Code
	message string
}

var signInErrors = []signInError{
	{[]string{"7000215", "7000216", "7000218"}, connector.Misconfigured, "Entra ID does not take the client secret. Set its value, not its id; if it is lost, make a new one in the app registration."},
	{[]string{"7000222"}, connector.Misconfigured, "The client secret has expired. Make a new one in the app registration and set it."},
	{[]string{"700027", "700030", "7000214", "700023", "50012"}, connector.Misconfigured, "Entra ID does not take the certificate. Upload it to the app registration, and see that neither it has expired nor this machine's clock is wrong."},
	{[]string{"70021", "700211", "700212", "700213", "7002138"}, connector.Misconfigured, "The app registration trusts no federated credential of this workload. Add one for the issuer and subject that Roster runs under."},
	{[]string{"700016", "7000229", "700038"}, connector.Misconfigured, "The tenant has no application of this client id. Look at the client id and the tenant, or have an administrator of the tenant add the application."},
	{[]string{"7000112"}, connector.Misconfigured, "The application is disabled in the tenant. An administrator has to enable it."},
	{[]string{"90002", "900021", "900023", "50059", "900144", "900384"}, connector.Misconfigured, "Entra ID knows no such tenant. Look at the tenant and at the cloud."},
	{[]string{"500011", "500014", "50001", "650052", "650057", "70011", "1002012", "90009"}, connector.Misconfigured, "The tenant gives no tokens for the service. Look at the cloud and at the address of the service."},
	{[]string{"53003", "530034", "53000", "53001", "50097", "5300035"}, connector.Misconfigured, "A Conditional Access policy of the tenant blocks the sign-in. An administrator has to except the application or this network."},
	{[]string{"65001", "65004", "65005", "90094", "650051", "650056"}, connector.NeedsConsent, "Nobody has consented to the application's permissions. Have an administrator of the tenant grant admin consent in the app registration."},
}

// explainSignIn says why there is no token, by the answer of the authority. Nothing of its text is shown but the codes.
func explainSignIn(response *http.Response, text string) *connector.Error {
	status := response.StatusCode
	oauth, code := "", ""
	if found := oauthText.FindStringSubmatch(text); found != nil {
		oauth = found[1]
	}
	if found := aadstsText.FindStringSubmatch(text); found != nil {
		code = found[1]
	}
	explained := &connector.Error{Cause: fmt.Errorf("the authority answered with the status %d, error %q, AADSTS%s", status, oauth, code)}
	if known := slices.IndexFunc(signInErrors, func(e signInError) bool { return slices.Contains(e.codes, code) }); known >= 0 {
		explained.Code, explained.Message = signInErrors[known].code, signInErrors[known].message
	} else {
		explained.Code, explained.Message = explainOAuth(status, oauth)
	}
	if explained.Code == connector.Throttled {
		explained.RetryAfter = max(retryAfter(response.Header), defaultRetryAfter)
	}
	if code != "" {
		explained.Message += " (AADSTS" + code + ")"
	}
	return explained
}

// explainOAuth goes by the error of RFC 6749 section 5.2.
func explainOAuth(status int, oauth string) (connector.Code, string) {
	switch {
	case status == http.StatusTooManyRequests:
		return connector.Throttled, "Entra ID asks to sign in less often. Roster goes on later."
	case status >= 500, oauth == "temporarily_unavailable", oauth == "server_error":
		return connector.Unavailable, "Entra ID cannot issue tokens at the moment. Roster tries again."
	case oauth == "invalid_grant", oauth == "interaction_required", oauth == "consent_required":
		return connector.NeedsConsent, "Entra ID takes the sign-in no more. Have an administrator of the tenant grant admin consent again."
	case oauth == "invalid_client", oauth == "unauthorized_client":
		return connector.Misconfigured, "Entra ID does not take the client id with its secret or certificate. Look at the app registration."
	case status >= 300 && status < 400:
		return connector.Misconfigured, "The authority sends the sign-in elsewhere, and Roster follows no redirect. Look at the address of the authority."
	}
	return connector.Misconfigured, fmt.Sprintf("Entra ID refused the sign-in with the status %d. Look at the tenant, the client id and the cloud.", status)
}
