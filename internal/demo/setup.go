package demo

import (
	"context"
	"fmt"
)

// Role is the role that the demo asks about.
const Role = "Purchase Approvers"

// roleMembers are the FQNs of the role's members: groups of both labels, and the head of the company by name.
func (d *demo) roleMembers() []string {
	return []string{CompanyLabel + ":Approvers Worldwide", PartnersLabel + ":Buying Desk", CompanyLabel + ":" + d.company.People[0].UserName}
}

// provider makes sure that there is a SCIM provider with one instance, and returns a fresh token for it. The tokens of
// earlier demos are revoked: their secrets are known to nobody.
func (a *asker) provider(ctx context.Context, label string) (token string, err error) {
	var found struct {
		Provider *struct {
			Type      string
			Instances []struct{ Name string }
		}
	}
	_, _, err = a.ask(ctx, `query Provider($name: String!) { provider(name: $name) { type instances { name } } }`, object{"name": label}, &found)
	if err != nil {
		return "", err
	}
	p := found.Provider
	if p == nil {
		err = a.change(ctx, `mutation Add($input: AddProviderInput!) { payload: addProvider(input: $input) { userErrors { code message } } }`,
			object{"name": label, "type": "SCIM"})
	} else if p.Type != "SCIM" {
		err = fmt.Errorf("this Roster has a provider %s that is none of the demo's: run the demo with a data folder of its own (ROSTER_DATA_DIR)", label)
	}
	if err == nil && (p == nil || len(p.Instances) == 0) {
		err = a.change(ctx, `mutation Add($input: AddProviderInstanceInput!) { payload: addProviderInstance(input: $input) { userErrors { code message } } }`,
			object{"provider": label})
	}
	if err != nil {
		return "", err
	}
	return a.freshToken(ctx, label)
}

func (a *asker) freshToken(ctx context.Context, label string) (string, error) {
	name := "demo push of " + label
	var old struct {
		AccessTokens struct{ Nodes []struct{ ID, Name string } }
	}
	if _, _, err := a.ask(ctx, `query Tokens { accessTokens(first: 1000) { nodes { id name } } }`, nil, &old); err != nil {
		return "", err
	}
	for _, t := range old.AccessTokens.Nodes {
		if t.Name != name {
			continue
		}
		err := a.change(ctx, `mutation Revoke($input: RevokeAccessTokenInput!) { payload: revokeAccessToken(input: $input) { userErrors { code message } } }`,
			object{"id": t.ID})
		if err != nil {
			return "", err
		}
	}
	var made struct {
		Payload struct {
			payload
			Secret string
		}
	}
	_, _, err := a.ask(ctx, `mutation Token($input: CreateAccessTokenInput!) { payload: createAccessToken(input: $input) { secret userErrors { code message } } }`,
		object{"input": object{"name": name, "scopes": []string{"SCIM"}, "provider": label, "instance": ""}}, &made)
	if err != nil {
		return "", err
	}
	return made.Payload.Secret, made.Payload.err()
}

// role makes sure that the role is there and has its members.
func (a *asker) role(ctx context.Context, members []string) error {
	var found struct{ Role *struct{ Name string } }
	if _, _, err := a.ask(ctx, `query Role($name: String!) { role(name: $name) { name } }`, object{"name": Role}, &found); err != nil {
		return err
	}
	if found.Role == nil {
		err := a.change(ctx, `mutation Create($input: CreateRoleInput!) { payload: createRole(input: $input) { userErrors { code message } } }`,
			object{"name": Role, "description": "Everybody who may approve a purchase, whichever company they work for"})
		if err != nil {
			return err
		}
	}
	return a.change(ctx, `mutation Members($input: ChangeRoleMembersInput!) { payload: addRoleMembers(input: $input) { userErrors { code message } } }`,
		object{"role": Role, "members": members})
}
