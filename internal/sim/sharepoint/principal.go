package sharepoint

import "strings"

// Kind says what a principal of a site stands for.
type Kind string

// The kinds of principals. The first three are known to Entra ID; nobody in particular is behind the others.
const (
	User            Kind = "user"            // a user of Entra ID
	SecurityGroup   Kind = "securityGroup"   // a security group of Entra ID
	GroupMembers    Kind = "groupMembers"    // the members of a Microsoft 365 group
	GroupOwners     Kind = "groupOwners"     // its owners
	Everyone        Kind = "everyone"        // everybody, guests included
	AllOfTenant     Kind = "allOfTenant"     // everybody but guests
	AllWindowsUsers Kind = "allWindowsUsers" // everybody of an Active Directory
	AllFormsUsers   Kind = "allFormsUsers"   // everybody of a membership provider
	WindowsUser     Kind = "windowsUser"     // a user of an Active Directory
	WindowsGroup    Kind = "windowsGroup"    // a group of one, by its SID
	App             Kind = "app"             // an application
	Guest           Kind = "guest"           // somebody who was sent a link and has no account
	System          Kind = "system"          // the site's own account
)

// Kinds are all kinds of principals.
var Kinds = []Kind{User, SecurityGroup, GroupMembers, GroupOwners, Everyone, AllOfTenant, AllWindowsUsers, AllFormsUsers, WindowsUser, WindowsGroup, App, Guest, System}

// The types of principals; see "PrincipalType enumeration".
const (
	typeUser          = 1
	typeSecurityGroup = 4
	typeSiteGroup     = 8
)

// Principal is somebody whom the site knows.
type Principal struct {
	// ID is its number in the site collection; those of site groups are out of the same series.
	ID   int  `json:"id"`
	Kind Kind `json:"kind"`
	// Object is what the kind knows it by: a user principal name, the GUID of a group, an account name.
	Object string `json:"object"`
	Title  string `json:"title"`
	Email  string `json:"email"`
}

// LoginName is the principal's claim as SharePoint writes it.
func (p Principal) LoginName() string {
	switch p.Kind {
	case User:
		return "i:0#.f|membership|" + p.Object
	case SecurityGroup:
		return "c:0t.c|tenant|" + p.Object
	case GroupMembers:
		return "c:0o.c|federateddirectoryclaimprovider|" + p.Object
	case GroupOwners:
		return "c:0o.c|federateddirectoryclaimprovider|" + p.Object + "_o"
	case Everyone:
		return "c:0(.s|true"
	case AllOfTenant:
		return "c:0-.f|rolemanager|spo-grid-all-users/" + p.Object
	case AllWindowsUsers:
		return "c:0!.s|windows"
	case AllFormsUsers:
		return "c:0!.s|forms%3amembership"
	case WindowsUser:
		return "i:0#.w|" + p.Object
	case WindowsGroup:
		return "c:0+.w|" + p.Object
	case App:
		return "i:0i.t|00000003-0000-0ff1-ce00-000000000000|" + p.Object
	case Guest:
		return "i:0#.f|membership|urn%3aspo%3aguest#" + p.Object
	case System:
		return `SHAREPOINT\system`
	}
	return p.Object
}

// Type is the principal's PrincipalType.
func (p Principal) Type() int {
	if strings.HasPrefix(p.LoginName(), "c:") {
		return typeSecurityGroup
	}
	return typeUser
}
