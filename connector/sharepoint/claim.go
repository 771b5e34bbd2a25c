package sharepoint

import (
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// The beginnings of login names by which SharePoint tells what issued a claim.
const (
	membershipClaim = "i:0#.f|membership|"
	tenantClaim     = "c:0t.c|tenant|"
	federatedClaim  = "c:0o.c|federateddirectoryclaimprovider|"
	ownersSuffix    = "_o"
)

// claim is what a login name says. Either Of is set, or Problem, which is why nobody is behind it whom an AzureAD provider
// could know.
type claim struct {
	Of      connector.Ref
	Problem string
}

// parseClaim reads a login name. Names of users and GUIDs are compared without regard to case, as those of claims are.
func parseClaim(login string) claim {
	after := func(prefix string) (string, bool) {
		if len(login) < len(prefix) || !strings.EqualFold(login[:len(prefix)], prefix) {
			return "", false
		}
		return login[len(prefix):], true
	}
	if name, ok := after(membershipClaim); ok {
		if !isUPN(name) {
			return claim{Problem: "is no account of Microsoft Entra ID but somebody whom a link was sent to"}
		}
		return claim{Of: connector.Ref{Kind: directory.KindUser, Name: name}}
	}
	if id, ok := after(tenantClaim); ok && microsoft.GUID(id) == nil {
		return claim{Of: connector.Ref{Kind: directory.KindGroup, Key: strings.ToLower(id)}}
	}
	if id, ok := after(federatedClaim); ok {
		if microsoft.GUID(id) == nil {
			return claim{Of: connector.Ref{Kind: directory.KindGroup, Key: strings.ToLower(id)}}
		}
		if owned, ok := strings.CutSuffix(strings.ToLower(id), ownersSuffix); ok && microsoft.GUID(owned) == nil {
			return claim{Problem: "stands for the owners of a Microsoft 365 group, whom Roster does not tell apart from its members"}
		}
	}
	return claim{Problem: whoElse(strings.ToLower(login))}
}

// isUPN tells a user principal name from what else the membership provider names: the guests of sharing links, who have no
// account, as urn:spo:guest#... and urn:spo:anon#....
func isUPN(name string) bool {
	before, domain, found := strings.Cut(name, "@")
	lower := strings.ToLower(name)
	return found && before != "" && domain != "" && !strings.HasPrefix(lower, "urn:") && !strings.HasPrefix(lower, "urn%3a")
}

// whoElse says what a login name stands for that no account and no group of Entra ID is behind.
func whoElse(login string) string {
	for _, known := range []struct{ part, problem string }{
		{"|spo-grid-all-users/", "stands for everybody but guests"},
		{"c:0(.s|true", "stands for everybody"},
		{"c:0!.s|windows", "stands for all users of Windows"},
		{"c:0!.s|forms", "stands for all users of forms authentication"},
		{"i:0#.w|", "is a user of Windows"},
		{"c:0+.w|", "is a group of Windows"},
		{"i:0i.t|", "is an application"},
		{`sharepoint\system`, "is the account of the site itself"},
	} {
		if strings.Contains(login, known.part) {
			return known.problem
		}
	}
	return "is of no kind that Roster knows"
}
