// Package sharepoint is the connector of SharePoint Online: it reads the site groups of one site collection, and whom of
// Microsoft Entra ID they hold.
//
// Everything is read anew each time, in the order of the ids and with whole groups on a page, so that a round that was
// broken off goes on behind the last group that was kept.
package sharepoint

import (
	"cmp"
	"errors"
	"net/url"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// The configuration keys.
const (
	keySiteURL       = "sp.siteUrl"
	keyTenant        = "sp.tenant"
	keyClientID      = "sp.clientId"
	keyCertificate   = "sp.certificate"
	keyAuthorityHost = "sp.authorityHost"
	keyAADProvider   = "sp.aadProvider"
)

// Type declares the source.
var Type = connector.Type{
	ProviderType: directory.ProviderType{
		Name:        directory.TypeSharePoint,
		Description: "The groups of one SharePoint Online site collection; their members belong to an AzureAD provider.",
		ConfigKeys: []directory.ConfigKey{
			{Key: keySiteURL, Description: "The root URL of the site collection.", Required: true, Check: microsoft.HTTPSURL},
			{Key: keyTenant, Description: "The tenant: its GUID, or one of its verified domains.", Required: true, Check: microsoft.Tenant},
			{Key: keyClientID, Description: "The GUID of the app registration that signs in.", Required: true, Check: microsoft.GUID},
			{Key: keyCertificate, Description: "A certificate and its private key in PEM; SharePoint takes no client secret.", Required: true, Secret: true, Check: connector.CertificateWithKey},
			{Key: keyAuthorityHost, Description: "The https origin that issues tokens, for a private cloud.", Check: microsoft.HTTPSOrigin},
			{Key: keyAADProvider, Description: "The label of the AzureAD provider that members belong to; AAD where it is not set.", Check: label},
			connector.CACertificate,
		},
	},
	Open: func(cfg connector.Config) (connector.Source, error) {
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

func label(value string) error {
	if strings.TrimSpace(value) == "" || strings.ContainsAny(value, `:\`) {
		return errors.New(`the label of a provider is expected, which holds neither ":" nor "\"`)
	}
	return nil
}

func open(cfg connector.Config) (*source, error) {
	for key, value := range cfg.Values {
		if strings.HasSuffix(key, ".clientSecret") && value != "" {
			return nil, connector.Errorf(connector.Misconfigured, "%s cannot be used: SharePoint Online takes no application that signs in with a client secret. Delete it, and set %s to a certificate with its private key that the app registration knows.", key, keyCertificate)
		}
	}
	site, err := url.Parse(strings.TrimRight(cfg.Values[keySiteURL], "/"))
	if err != nil || microsoft.HTTPSURL(cfg.Values[keySiteURL]) != nil {
		return nil, connector.Errorf(connector.Misconfigured, "%s has to be the https URL of a site collection, such as https://contoso.sharepoint.com/sites/hr.", keySiteURL)
	}
	if cfg.Values[keyCertificate] == "" {
		return nil, connector.Errorf(connector.Misconfigured, "%s is not set. SharePoint Online takes applications that sign in with a certificate only: set one with its private key that the app registration knows.", keyCertificate)
	}
	signIn := microsoft.SignIn{
		Credential: microsoft.Certificate, Tenant: cfg.Values[keyTenant], ClientID: cfg.Values[keyClientID], Certificate: cfg.Values[keyCertificate],
		Authority: cfg.Values[keyAuthorityHost], OwnAuthority: cfg.Values[keyAuthorityHost] != "",
	}
	if !signIn.OwnAuthority {
		signIn.Authority = authority(site.Hostname())
	}
	s := &source{path: site.EscapedPath() + "/_api/", aadProvider: cmp.Or(cfg.Values[keyAADProvider], "AAD")}
	s.client, err = microsoft.Open(signIn, microsoft.Service{
		Name: "SharePoint", Origin: site.Scheme + "://" + site.Host, Header: map[string]string{"Accept": "application/json;odata=nometadata", "User-Agent": userAgent},
		Permissions: "Grant the app registration the application permission Sites.FullControl.All of SharePoint, or Sites.Selected and the role fullcontrol on this site, with admin consent.",
	}, cfg)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// userAgent is in the form that lets SharePoint tell applications apart; see "Avoid getting throttled or blocked in
// SharePoint Online".
const userAgent = "NONISV|Roster|Roster/1.0"

// authority issues the tokens for a site, by the cloud that its name is of.
func authority(host string) string {
	for suffix, cloud := range map[string]string{".sharepoint.us": "usgov", ".sharepoint-mil.us": "usdod", ".sharepoint.cn": "china"} {
		if strings.HasSuffix(strings.ToLower(host), suffix) {
			return microsoft.Clouds[cloud].Authority
		}
	}
	return microsoft.Clouds["global"].Authority
}
