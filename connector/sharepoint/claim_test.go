package sharepoint_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sharepoint"
	"github.com/roster-gateway/roster/directory"
)

const anID = "0a1b2c3d-1111-4222-8333-444455556666"

func TestR11OnlyUsersAndGroupsOfEntraIDAreLinked(t *testing.T) {
	t.Parallel()
	user := func(name string) connector.Ref { return connector.Ref{Kind: directory.KindUser, Name: name} }
	group := connector.Ref{Kind: directory.KindGroup, Key: anID}
	for _, test := range []struct {
		login   string
		of      connector.Ref
		problem string
	}{
		{"i:0#.f|membership|ana@contoso.com", user("ana@contoso.com"), ""},
		{"I:0#.F|Membership|Ana@Contoso.com", user("Ana@Contoso.com"), ""},
		{"i:0#.f|membership|bo_gmail.com#ext#@contoso.onmicrosoft.com", user("bo_gmail.com#ext#@contoso.onmicrosoft.com"), ""},
		{"c:0t.c|tenant|" + anID, group, ""},
		{"c:0t.c|tenant|" + strings.ToUpper(anID), group, ""},
		{"c:0o.c|federateddirectoryclaimprovider|" + anID, group, ""},
		{"c:0o.c|federateddirectoryclaimprovider|" + anID + "_o", connector.Ref{}, "owners of a Microsoft 365 group"},
		{"c:0o.c|federateddirectoryclaimprovider|" + anID + "_x", connector.Ref{}, "no kind that Roster knows"},
		{"c:0t.c|tenant|everybody", connector.Ref{}, "no kind that Roster knows"},
		{"c:0-.f|rolemanager|spo-grid-all-users/" + anID, connector.Ref{}, "everybody but guests"},
		{"c:0(.s|true", connector.Ref{}, "stands for everybody"},
		{"c:0!.s|windows", connector.Ref{}, "all users of Windows"},
		{"c:0!.s|forms%3amembership", connector.Ref{}, "all users of forms"},
		{`i:0#.w|corp\ana`, connector.Ref{}, "a user of Windows"},
		{"c:0+.w|s-1-5-21-1-2-3-4", connector.Ref{}, "a group of Windows"},
		{"i:0i.t|00000003-0000-0ff1-ce00-000000000000|app@sharepoint", connector.Ref{}, "an application"},
		{"i:0#.f|membership|urn%3aspo%3aguest#ana@example.com", connector.Ref{}, "whom a link was sent to"},
		{"i:0#.f|membership|urn:spo:anon#1234", connector.Ref{}, "whom a link was sent to"},
		{"i:0#.f|membership|", connector.Ref{}, "whom a link was sent to"},
		{`SHAREPOINT\system`, connector.Ref{}, "the account of the site itself"},
		{"i:05.t|adfs|ana@contoso.com", connector.Ref{}, "no kind that Roster knows"},
		{"", connector.Ref{}, "no kind that Roster knows"},
	} {
		of, problem := sharepoint.Claim(test.login)
		if diff := cmp.Diff(test.of, of); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.login, diff)
		}
		if (problem == "") != (test.problem == "") || !strings.Contains(problem, test.problem) {
			t.Errorf("%s: the problem is %q, want %q", test.login, problem, test.problem)
		}
	}
}

func FuzzClaim(f *testing.F) {
	f.Add("i:0#.f|membership|ana@contoso.com")
	f.Add("c:0o.c|federateddirectoryclaimprovider|" + anID + "_o")
	f.Fuzz(func(t *testing.T, login string) {
		of, problem := sharepoint.Claim(login)
		if (of == connector.Ref{}) == (problem == "") {
			t.Errorf("%q is %v and %q: it has to be one of them", login, of, problem)
		}
		if problem == "" && (of.Key == "") == (of.Name == "") {
			t.Errorf("%q is named by %v", login, of)
		}
	})
}
