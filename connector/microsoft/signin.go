package microsoft

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/dialing"
)

// Credential is a way to sign in.
type Credential string

// The ways to sign in. A workload identity and a managed identity are given to Roster by what it runs on.
const (
	Secret           Credential = "secret"
	Certificate      Credential = "certificate"
	WorkloadIdentity Credential = "workloadIdentity"
	ManagedIdentity  Credential = "managedIdentity"
)

// SignIn is who signs in, and where; see "Microsoft identity platform and the OAuth 2.0 client credentials flow".
type SignIn struct {
	Credential Credential
	// Tenant is its GUID or one of its domains.
	Tenant string
	// ClientID is the app registration's; of a managed identity that of a user-assigned one.
	ClientID string
	// Secret is the value of a client secret.
	Secret string
	// Certificate is one with its private key, in PEM.
	Certificate string
	// Authority is the https origin that issues the tokens.
	Authority string
	// OwnAuthority says that the authority is not Microsoft's: nobody else is asked whether it is one.
	OwnAuthority bool
}

// tokenTries bounds how often a token is asked for again where the authority is busy.
const tokenTries = 2

// credential makes what signs in. Its errors say what is wrong with the configuration.
func (s SignIn) credential(transport policy.Transporter) (azcore.TokenCredential, error) {
	options := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.Authority, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{}},
		Transport: transport,
		Retry:     policy.RetryOptions{MaxRetries: tokenTries, RetryDelay: 300 * time.Millisecond, MaxRetryDelay: 5 * time.Second},
		Telemetry: policy.TelemetryOptions{ApplicationID: "Roster"},
	}
	made := func(credential azcore.TokenCredential, err error, problem string) (azcore.TokenCredential, error) {
		if err != nil {
			return nil, connector.Errorf(connector.Misconfigured, "%s", problem)
		}
		return credential, nil
	}
	switch s.Credential {
	case Secret:
		c, err := azidentity.NewClientSecretCredential(s.Tenant, s.ClientID, s.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: s.OwnAuthority})
		return made(c, err, "The tenant, the client id or the client secret has a form that cannot be. Set them again.")
	case Certificate:
		chain, key, err := azidentity.ParseCertificates([]byte(s.Certificate), nil)
		if err != nil {
			return nil, connector.Errorf(connector.Misconfigured, "The certificate cannot be read. It has to be in PEM, with its own RSA private key that no password protects.")
		}
		c, err := azidentity.NewClientCertificateCredential(s.Tenant, s.ClientID, chain, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: s.OwnAuthority})
		return made(c, err, "The certificate cannot be used to sign in. It has to be in PEM, with its own RSA private key that no password protects.")
	case WorkloadIdentity:
		c, err := azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: s.OwnAuthority, ClientID: s.ClientID, TenantID: s.Tenant})
		return made(c, err, "Roster has no workload identity here: the variable AZURE_FEDERATED_TOKEN_FILE is not set. Label its pod for workload identity, or sign in in another way.")
	case ManagedIdentity:
		options := azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if s.ClientID != "" {
			options.ID = azidentity.ClientID(s.ClientID)
		}
		c, err := azidentity.NewManagedIdentityCredential(&options)
		return made(c, err, "The managed identity of this machine cannot be used. Sign in in another way.")
	}
	return nil, connector.Errorf(connector.Misconfigured, "There is no way to sign in that is called %q.", s.Credential)
}

// token signs in anew.
func (s SignIn) token(ctx context.Context, client *http.Client, scope string) (azcore.AccessToken, error) {
	seen := &witness{client: client}
	credential, err := s.credential(seen)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	switch {
	case err == nil:
		return token, nil
	case ctx.Err() != nil:
		return token, ctx.Err()
	case seen.err != nil && s.Credential != ManagedIdentity:
		return token, dialing.Unreachable(seen.host, seen.err)
	}
	return token, s.refused(err)
}

// witness remembers how the last request came off: the library that sends it keeps only the text of an error.
type witness struct {
	client *http.Client
	host   string
	err    error
}

// Do sends a request.
func (w *witness) Do(r *http.Request) (*http.Response, error) {
	response, err := w.client.Do(r)
	w.host, w.err = r.URL.Hostname(), err
	return response, err
}

// refused says why the authority gave no token.
func (s SignIn) refused(err error) error {
	failed := (*azidentity.AuthenticationFailedError)(nil)
	if !errors.As(err, &failed) || failed.RawResponse == nil {
		if s.Credential == ManagedIdentity {
			return connector.Errorf(connector.Misconfigured, "This machine has no managed identity that Roster could sign in with. Assign one to it, or sign in in another way.")
		}
		if s.Credential == WorkloadIdentity {
			return connector.Errorf(connector.Misconfigured, "The token of the workload identity cannot be read. Look at AZURE_FEDERATED_TOKEN_FILE, or sign in in another way.")
		}
		return connector.Errorf(connector.Unavailable, "The sign-in at %s failed: its answer is not one of an authority of tokens.", s.Authority)
	}
	return explainSignIn(failed.RawResponse, failed.Error())
}
