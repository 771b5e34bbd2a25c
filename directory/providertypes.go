package directory

import (
	"encoding/pem"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// ProviderTypes lists the kinds of source and the configuration keys that their instances take.
func (d *Directory) ProviderTypes() []*ProviderType { return d.types }

var providerTypes = []*ProviderType{
	{
		Name:        TypeAzureAD,
		Description: "Microsoft Entra ID, read through Microsoft Graph.",
		ConfigKeys: []ConfigKey{
			{Key: "aad.tenantDomain", Description: "The tenant: its GUID, or one of its verified domains.", Required: true, Check: tenant},
			{Key: "aad.oAuthResourceId", Description: "The GUID of the OAuth resource that the tenant gave consent to.", Check: guid},
			{Key: "aad.clientId", Description: "The GUID of the app registration that signs in.", Required: true, Check: guid},
			{Key: "aad.clientSecret", Description: "A client secret of the app registration; one way to sign in.", Secret: true},
			{Key: "aad.certificate", Description: "A certificate and its private key in PEM; the other way to sign in.", Secret: true, Check: certificateWithKey},
			{Key: "aad.cloud", Description: "The national cloud: global (default), usgov, usdod or china.", Check: oneOf("global", "usgov", "usdod", "china")},
			{Key: "aad.authorityHost", Description: "The https origin that issues tokens, for a private cloud.", Check: httpsOrigin},
			{Key: "aad.graphEndpoint", Description: "The https origin of Microsoft Graph, for a private cloud.", Check: httpsOrigin},
			caCertificate,
		},
	},
	{
		Name:        TypeSharePoint,
		Description: "The groups of one SharePoint Online site collection; their members belong to an AzureAD provider.",
		ConfigKeys: []ConfigKey{
			{Key: "sp.siteUrl", Description: "The root URL of the site collection.", Required: true, Check: httpsURL},
			{Key: "sp.tenant", Description: "The tenant: its GUID, or one of its verified domains.", Required: true, Check: tenant},
			{Key: "sp.clientId", Description: "The GUID of the app registration that signs in.", Required: true, Check: guid},
			{Key: "sp.certificate", Description: "A certificate and its private key in PEM; SharePoint takes no client secret.", Required: true, Secret: true, Check: certificateWithKey},
			{Key: "sp.authorityHost", Description: "The https origin that issues tokens, for a private cloud.", Check: httpsOrigin},
			{Key: "sp.aadProvider", Description: "The label of the AzureAD provider that members belong to; AAD where it is not set.", Check: func(v string) error { return checkLabel("value", v) }},
			caCertificate,
		},
	},
	{Name: TypeActiveDirectory, Description: "Active Directory, read over LDAP."},
	{Name: TypeSQL, Description: "The users and groups of an SQL database."},
	{
		Name:        TypeSCIM,
		Description: "A SCIM 2.0 client that pushes users and groups into Roster.",
		ConfigKeys: []ConfigKey{
			{Key: "scim.requiredAttributes", Description: "Attributes that every user must have: a list of SCIM paths separated by commas, such as userName, name.givenName."},
			{Key: "scim.emailDomains", Description: "The mail domains that users may have, separated by commas; any where it is not set."},
			{Key: "scim.unknownMembers", Description: "What becomes of members that do not exist: ignore (default, logged) or refuse.", Check: oneOf("ignore", "refuse")},
			{Key: "map.user.displayName", Description: "The SCIM path that a user's displayName is taken from, such as name.formatted.", Reevaluates: true},
			{Key: "map.user.email", Description: "The SCIM path that a user's email is taken from; the primary address where it is not set.", Reevaluates: true},
			{Key: "map.user.description", Description: "The SCIM path that a user's description is taken from, such as title.", Reevaluates: true},
			{Key: "map.group.email", Description: "The SCIM path that a group's email is taken from.", Reevaluates: true},
			{Key: "map.group.description", Description: "The SCIM path that a group's description is taken from.", Reevaluates: true},
			KeepResolvingKey(),
		},
	},
	{Name: TypeScimPull, Description: "A remote SCIM 2.0 server that Roster reads."},
	{Name: TypeLocal, Description: "What is kept in Roster itself: the roles."},
}

// KeepResolvingKey declares [KeepResolving], which instances take that own users.
func KeepResolvingKey() ConfigKey {
	return ConfigKey{
		Key: KeepResolving, Description: "Whether identities go on counting as members while the instance or its provider is disabled: true (default) or false, which disables them until it is enabled again.",
		Check: oneOf("true", "false"), Reevaluates: true,
	}
}

var caCertificate = ConfigKey{
	Key: "tls.caCertificate", Description: "Certificate authorities in PEM that the source's TLS certificate may come from, beside the system's.", Check: certificates,
}

// configKey finds a declared key; nil where the type does not take it.
func (d *Directory) configKey(kind ProviderTypeName, key string) *ConfigKey {
	for _, t := range d.types {
		if t.Name != kind {
			continue
		}
		for i := range t.ConfigKeys {
			if t.ConfigKeys[i].Key == key {
				return &t.ConfigKeys[i]
			}
		}
	}
	return nil
}

var (
	guidText   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	domainText = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$`)
)

func guid(value string) error {
	if !guidText.MatchString(value) {
		return fmt.Errorf("a GUID is expected, such as 11111111-2222-3333-4444-555555555555")
	}
	return nil
}

func tenant(value string) error {
	if !guidText.MatchString(value) && !domainText.MatchString(value) {
		return fmt.Errorf("the tenant's GUID or a domain is expected, such as contoso.onmicrosoft.com")
	}
	return nil
}

func oneOf(values ...string) func(string) error {
	return func(value string) error {
		for _, v := range values {
			if v == value {
				return nil
			}
		}
		return fmt.Errorf("one of %s is expected", strings.Join(values, ", "))
	}
}

func httpsURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("an https URL is expected, such as https://contoso.sharepoint.com/sites/hr")
	}
	return nil
}

func httpsOrigin(value string) error {
	u, err := url.Parse(value)
	if err != nil || httpsURL(value) != nil || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("an https origin is expected, such as https://login.example.com")
	}
	return nil
}

// pemBlocks counts the PEM blocks of each kind.
func pemBlocks(value string) (certificates, keys int) {
	for rest := []byte(value); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return certificates, keys
		}
		switch {
		case block.Type == "CERTIFICATE":
			certificates++
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			keys++
		}
	}
}

func certificates(value string) error {
	if n, _ := pemBlocks(value); n == 0 {
		return fmt.Errorf("at least one certificate in PEM is expected")
	}
	return nil
}

func certificateWithKey(value string) error {
	if n, keys := pemBlocks(value); n == 0 || keys != 1 {
		return fmt.Errorf("a certificate and one private key in PEM are expected")
	}
	return nil
}
