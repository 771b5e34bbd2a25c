// Package azuread reads the users and groups of a Microsoft Entra ID tenant through Microsoft Graph.
//
// A round walks two delta queries, of the users and of the groups, to their ends; see "Use delta query to track changes in
// Microsoft Graph data". The links that they end with are where the next round begins.
package azuread

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// The configuration keys.
const (
	keyTenant       = "aad.tenantDomain"
	keyResource     = "aad.oAuthResourceId"
	keyClientID     = "aad.clientId"
	keyClientSecret = "aad.clientSecret"
	keyCertificate  = "aad.certificate"
	keyCredential   = "aad.credential"
	keyCloud        = "aad.cloud"
	keyAuthority    = "aad.authorityHost"
	keyGraph        = "aad.graphEndpoint"
)

// permissions follows what Graph refuses for the lack of them; see "Microsoft Graph permissions reference".
const permissions = "In the app registration, grant the application permissions User.Read.All and GroupMember.Read.All with admin consent, and Member.Read.Hidden where groups hide their members."

// Type is the kind of source.
var Type = connector.Type{
	ProviderType: directory.ProviderType{
		Name:        directory.TypeAzureAD,
		Description: "Microsoft Entra ID, read through Microsoft Graph.",
		ConfigKeys:  configKeys,
	},
	Open: func(cfg connector.Config) (connector.Source, error) {
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

var configKeys = []directory.ConfigKey{
	{Key: keyTenant, Description: "The tenant: its GUID, or one of its verified domains.", Required: true, Check: microsoft.Tenant},
	{Key: keyResource, Description: "The GUID of the OAuth resource that the tenant gave consent to.", Check: microsoft.GUID},
	{Key: keyClientID, Description: "The GUID of the app registration that signs in; of a managed identity only where it is a user-assigned one.", Check: microsoft.GUID},
	{Key: keyClientSecret, Description: "A client secret of the app registration; one way to sign in.", Secret: true},
	{Key: keyCertificate, Description: "A certificate and its private key in PEM; another way to sign in.", Secret: true, Check: connector.CertificateWithKey},
	{
		Key: keyCredential, Description: "The way to sign in: secret, certificate, workloadIdentity or managedIdentity; where it is not set, by the certificate or else the secret.",
		Check: connector.OneOf(string(microsoft.Secret), string(microsoft.Certificate), string(microsoft.WorkloadIdentity), string(microsoft.ManagedIdentity)),
	},
	{Key: keyCloud, Description: "The national cloud: global (default), usgov, usdod or china.", Check: connector.OneOf("global", "usgov", "usdod", "china")},
	{Key: keyAuthority, Description: "The https origin that issues tokens, for a private cloud.", Check: microsoft.HTTPSOrigin},
	{Key: keyGraph, Description: "The https origin of Microsoft Graph, for a private cloud.", Check: microsoft.HTTPSOrigin},
	connector.CACertificate,
}

// source reads one tenant.
type source struct {
	graph *microsoft.Client
	// of is what states belong to: the tenant as the configuration names it, and where it is read.
	of  string
	log *slog.Logger
	// dropped are the optional properties that Graph does not know here, by kind.
	dropped map[directory.IdentityKind][]string
}

func open(cfg connector.Config) (*source, error) {
	for _, key := range configKeys {
		value := cfg.Values[key.Key]
		if value == "" || key.Check == nil {
			continue
		}
		if err := key.Check(value); err != nil {
			return nil, connector.Errorf(connector.Misconfigured, "The configuration key %s cannot be used: %s.", key.Key, err)
		}
	}
	signIn, err := signIn(cfg.Values)
	if err != nil {
		return nil, err
	}
	graph := orDefault(cfg.Values[keyGraph], cloud(cfg.Values).Graph)
	client, err := microsoft.Open(signIn, microsoft.Service{
		Name: "Microsoft Graph", Origin: graph, Permissions: permissions,
		// Whoever waits for a sign-in goes before a synchronization; see "Microsoft Graph throttling guidance".
		Header: map[string]string{"x-ms-throttle-priority": "low"},
	}, cfg)
	if err != nil {
		return nil, err
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &source{
		graph: client, log: log, of: strings.ToLower(fmt.Sprintf("%s %s", strings.TrimSuffix(graph, "/"), signIn.Tenant)),
		dropped: map[directory.IdentityKind][]string{},
	}, nil
}

func cloud(values map[string]string) microsoft.Cloud {
	return microsoft.Clouds[orDefault(values[keyCloud], "global")]
}

func signIn(values map[string]string) (microsoft.SignIn, error) {
	s := microsoft.SignIn{
		Credential: microsoft.Credential(values[keyCredential]), Tenant: values[keyTenant], ClientID: values[keyClientID],
		Secret: values[keyClientSecret], Certificate: values[keyCertificate],
		Authority: orDefault(values[keyAuthority], cloud(values).Authority), OwnAuthority: values[keyAuthority] != "",
	}
	if s.Credential == "" {
		switch {
		case s.Certificate != "":
			s.Credential = microsoft.Certificate
		case s.Secret != "":
			s.Credential = microsoft.Secret
		default:
			return s, connector.Errorf(connector.Misconfigured, "Nothing is set to sign in with. Set %s or %s, or choose an identity of what Roster runs on with %s.", keyClientSecret, keyCertificate, keyCredential)
		}
	}
	missing := ""
	switch {
	case s.Tenant == "":
		missing = keyTenant
	case s.ClientID == "" && s.Credential != microsoft.ManagedIdentity:
		missing = keyClientID
	case s.Secret == "" && s.Credential == microsoft.Secret:
		missing = keyClientSecret
	case s.Certificate == "" && s.Credential == microsoft.Certificate:
		missing = keyCertificate
	}
	if missing != "" {
		return s, connector.Errorf(connector.Misconfigured, "The configuration key %s is not set, and to sign in by %s it has to be.", missing, s.Credential)
	}
	return s, nil
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
