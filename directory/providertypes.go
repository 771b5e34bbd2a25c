package directory

import (
	"fmt"
	"strings"
)

// ProviderTypes lists the kinds of source and the configuration keys that their instances take.
func (d *Directory) ProviderTypes() []*ProviderType { return d.types }

var providerTypes = []*ProviderType{
	{Name: TypeAzureAD, Description: "Microsoft Entra ID, read through Microsoft Graph."},
	{Name: TypeSharePoint, Description: "The groups of one SharePoint Online site collection."},
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
