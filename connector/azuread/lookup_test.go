package azuread

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testentra"
)

const (
	userID      = "11111111-0000-0000-0000-000000000001"
	bossID      = "11111111-0000-0000-0000-000000000002"
	groupID     = "22222222-0000-0000-0000-000000000001"
	userFields  = "$select=id,userPrincipalName,displayName,accountEnabled,givenName,surname,mail,mailNickname,userType,deletedDateTime,signInSessionsValidFromDateTime"
	groupFields = "$select=id,displayName,description,mail,mailNickname,mailEnabled,securityEnabled,visibility"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	missing := exchange{status: 404, says: `{"error":{"code":"Request_ResourceNotFound"}}`}
	at := func(e exchange, asks string) exchange { e.asks = asks; return e }
	user := exchange{says: `{"id":"` + userID + `","userPrincipalName":"o'hara@contoso.com"}`}
	group := exchange{says: `{"id":"` + groupID + `","displayName":"Staff"}`}
	identity := func(kind directory.IdentityKind, key, attribute, value string) []connector.Identity {
		return []connector.Identity{{Kind: kind, Key: key, Attributes: map[string]any{attribute: value}}}
	}
	membersAt := "/v1.0/groups/" + groupID + "/members?$select=id&$top=999"
	for name, c := range map[string]struct {
		kind      directory.IdentityKind
		key, name string
		exchanges []exchange
		want      *connector.Page
		fails     string
	}{
		"a user by key": {
			directory.KindUser, userID, "",
			[]exchange{at(user, "/v1.0/users/"+userID+"?"+userFields), {asks: "/v1.0/users/" + userID + "/manager?$select=id", says: `{"id":"` + bossID + `"}`}},
			&connector.Page{Identities: identity(directory.KindUser, userID, "userName", "o'hara@contoso.com"), Links: []connector.Link{
				{Type: connector.Manager, OwnerKind: directory.KindUser, OwnerKey: userID, Other: connector.Ref{Kind: directory.KindUser, Key: bossID}},
			}}, "",
		},
		"a user by name, without a manager": {
			directory.KindUser, "", "o'hara@contoso.com",
			[]exchange{
				{asks: "/v1.0/users?$filter=userPrincipalName eq %27o%27%27hara%40contoso.com%27&" + userFields, says: `{"value":[` + user.says + `]}`},
				at(missing, "/v1.0/users/"+userID+"/manager?$select=id"),
			},
			&connector.Page{Identities: identity(directory.KindUser, userID, "userName", "o'hara@contoso.com")}, "",
		},
		"nobody by key":         {directory.KindUser, userID, "", []exchange{at(missing, "/v1.0/users/"+userID+"?"+userFields)}, nil, ""},
		"nobody by name":        {directory.KindUser, "", "x", []exchange{{asks: "/v1.0/users?$filter=userPrincipalName eq %27x%27&" + userFields, says: `{"value":[]}`}}, nil, ""},
		"a key that cannot be":  {directory.KindUser, "../groups", "", nil, nil, ""},
		"a role":                {directory.KindRole, userID, "", nil, nil, ""},
		"a group that vanishes": {directory.KindGroup, groupID, "", []exchange{at(group, "/v1.0/groups/"+groupID+"?"+groupFields), at(missing, membersAt)}, nil, ""},
		"a group with pages of members": {
			directory.KindGroup, groupID, "",
			[]exchange{
				at(group, "/v1.0/groups/"+groupID+"?"+groupFields),
				{asks: membersAt, says: `{"value":[{"@odata.type":"#microsoft.graph.user","id":"a"}],"@odata.nextLink":"BASE/v1.0/more"}`},
				{asks: "/v1.0/more", says: `{"value":[{"@odata.type":"#microsoft.graph.group","id":"b"}]}`},
			},
			&connector.Page{Identities: identity(directory.KindGroup, groupID, "displayName", "Staff"), Links: []connector.Link{
				{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: groupID, Other: connector.Ref{Kind: directory.KindUser, Key: "a"}},
				{Type: connector.Member, OwnerKind: directory.KindGroup, OwnerKey: groupID, Other: connector.Ref{Kind: directory.KindGroup, Key: "b"}},
			}}, "",
		},
		"two groups of a name": {
			directory.KindGroup, "", "Staff",
			[]exchange{{asks: "/v1.0/groups?$filter=displayName eq %27Staff%27&" + groupFields, says: `{"value":[` + group.says + `,` + group.says + `]}`}},
			nil, "several groups",
		},
		"an unknown property": {
			directory.KindGroup, "", "Staff",
			[]exchange{
				{asks: "/v1.0/groups?$filter=displayName eq %27Staff%27&" + groupFields, status: 400, says: `{"error":{"message":"no 'visibility' here"}}`},
				{asks: "/v1.0/groups?$filter=displayName eq %27Staff%27&" + strings.Replace(groupFields, ",visibility", "", 1), says: `{"value":[]}`},
			},
			nil, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, _ := play(t, c.exchanges...)
			got, err := source.Lookup(t.Context(), c.kind, c.key, c.name)
			if (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	head := []exchange{{asks: "/"}, {asks: "/"}} // the authority and Graph are one here
	denied := `{"error":{"code":"Authorization_RequestDenied"}}`
	users := exchange{asks: "/v1.0/users?$select=id&$top=1", says: `{"value":[]}`}
	groups := exchange{asks: "/v1.0/groups?$select=id&$top=1", says: `{"value":[{"id":"` + groupID + `"}]}`}
	members := exchange{asks: "/v1.0/groups/" + groupID + "/members?$select=id&$top=1", says: `{"value":[]}`}
	for name, c := range map[string]struct {
		exchanges []exchange
		want      string
	}{
		"all good":   {[]exchange{users, groups, members, {asks: usersStart, says: page(`{"id":"u"}`, "/v1.0/users/delta?$skiptoken=2")}}, "read users true, read groups true, sample true The first page tells 1 users."},
		"no users":   {[]exchange{{asks: users.asks, status: 403, says: denied}, groups, members}, "read users false, read groups true The first"},
		"no members": {[]exchange{users, groups, {asks: members.asks, status: 403, says: denied}}, "read users true, read groups false"},
		"no groups":  {[]exchange{users, {asks: groups.asks, says: `{"value":[]}`}, {asks: usersStart, status: 403, says: denied}}, "read users true, read groups true, sample false"},
	} {
		source, _ := play(t, append(append([]exchange(nil), head...), c.exchanges...)...)
		var steps []string
		last := ""
		source.Check(t.Context(), func(c connector.Check) {
			steps = append(steps, fmt.Sprintf("%s %v", c.Name, c.OK))
			if last = c.Detail; last == "" {
				t.Errorf("%s has no detail", c.Name)
			}
		})
		want, detail, _ := strings.Cut(c.want, " The first")
		if got := strings.Join(steps, ", "); got != "name resolution true, TLS true, sign-in true, "+want {
			t.Errorf("%s: %s", name, got)
		}
		if name == "all good" && last != "The first"+detail {
			t.Errorf("%s: %s", name, last)
		}
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	good := map[string]string{keyTenant: testentra.Tenant, keyClientID: testentra.ClientID, keyClientSecret: canary.Mark}
	for name, c := range map[string]struct {
		set  map[string]string
		says string
	}{
		"a secret":                       {nil, ""},
		"a managed identity":             {map[string]string{keyCredential: "managedIdentity", keyClientID: "", keyClientSecret: ""}, ""},
		"a cloud":                        {map[string]string{keyCloud: "china"}, ""},
		"nothing to sign in with":        {map[string]string{keyClientSecret: ""}, keyCertificate},
		"a missing tenant":               {map[string]string{keyTenant: ""}, keyTenant},
		"a missing client":               {map[string]string{keyClientID: ""}, keyClientID},
		"a secret that is chosen only":   {map[string]string{keyCredential: "secret", keyClientSecret: ""}, keyClientSecret},
		"a certificate that is not set":  {map[string]string{keyCredential: "certificate"}, keyCertificate},
		"a certificate without a key":    {map[string]string{keyCertificate: "x"}, keyCertificate},
		"an unknown credential":          {map[string]string{keyCredential: "password"}, keyCredential},
		"an unknown cloud":               {map[string]string{keyCloud: "moon"}, keyCloud},
		"an authority without TLS":       {map[string]string{keyAuthority: "http://login.example.com"}, keyAuthority},
		"a Graph with a path":            {map[string]string{keyGraph: "https://graph.example.com/v1.0"}, keyGraph},
		"a tenant that is none":          {map[string]string{keyTenant: "con toso"}, keyTenant},
		"authorities that are no PEM":    {map[string]string{"tls.caCertificate": "x"}, "tls.caCertificate"},
		"a client id that is not a GUID": {map[string]string{keyClientID: "roster"}, keyClientID},
	} {
		values := map[string]string{}
		for key, value := range good {
			values[key] = value
		}
		for key, value := range c.set {
			values[key] = value
		}
		_, err := Type.Open(connector.Config{Values: values})
		if c.says == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		got := connector.AsError(err)
		if got == nil || got.Code != connector.Misconfigured || !strings.Contains(got.Message, c.says) || len(canary.Find(got.Message)) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClouds(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": "https://graph.microsoft.com", "global": "https://graph.microsoft.com", "usgov": "https://graph.microsoft.us",
		"usdod": "https://dod-graph.microsoft.us", "china": "https://microsoftgraph.chinacloudapi.cn",
	} {
		s, err := open(connector.Config{Values: map[string]string{keyTenant: "Contoso.com", keyClientID: testentra.ClientID, keyClientSecret: "x", keyCloud: name}})
		if err != nil || s.of != want+" contoso.com" {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

func TestSecretsAreMarked(t *testing.T) {
	t.Parallel()
	var secrets []string
	for _, key := range Type.ConfigKeys {
		if key.Secret {
			secrets = append(secrets, key.Key)
		}
	}
	if diff := cmp.Diff([]string{keyClientSecret, keyCertificate}, secrets); diff != "" {
		t.Error(diff)
	}
}
