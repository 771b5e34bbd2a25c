// Package microsoft signs in at Microsoft Entra ID and reads the REST services behind it. The connectors of Microsoft Graph
// and of SharePoint Online stand on it.
//
// A connector declares its configuration keys with the checks of this package ([Tenant], [GUID], [CertificateWithKey] ...),
// fills a [SignIn] and a [Service] from their values, and opens a [Client] with them in its Open:
//
//	client, err := microsoft.Open(signIn, service, cfg)
//
// Then [Client.Get] reads one address into a value, with all that a service asks of its readers: tokens and their renewal,
// pauses, repeated tries, bounds. Its errors are of [connector.Error]. One that the service gave by an answer of its own
// wraps a [Refusal], by which a connector finds what it knows better, such as an expired state:
//
//	if refusal := microsoft.AsRefusal(err); refusal != nil && refusal.Status == http.StatusNotFound { ... }
//
// [Client.Check] reports the steps that all of these services have in common, up to the sign-in. Tests set [Client.Pause]
// so that they need not wait.
package microsoft

import "strings"

// Cloud is one of the clouds that Microsoft keeps apart, by the origins of its services; see "Microsoft Graph national
// cloud deployments".
type Cloud struct {
	// Authority issues the tokens.
	Authority string
	// Graph is Microsoft Graph.
	Graph string
}

// Clouds are the clouds by the name that configurations call them.
var Clouds = map[string]Cloud{
	"global": {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
	"usgov":  {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
	"usdod":  {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
	"china":  {"https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"},
}

// Service is one REST service that tokens of Entra ID open.
type Service struct {
	// Name is what messages call it.
	Name string
	// Origin is its https origin. The token is sent nowhere else.
	Origin string
	// Permissions is a sentence that says what the app registration has to be granted; it follows a refusal for the lack of it.
	Permissions string
	// Header is sent with each request, beside the token and Accept: application/json where it sets no other.
	Header map[string]string
}

// scope asks for all that an administrator has consented to.
func (s Service) scope() string { return strings.TrimSuffix(s.Origin, "/") + "/.default" }
