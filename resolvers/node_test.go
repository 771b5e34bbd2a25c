package resolvers_test

import "testing"

func TestNodesOfEveryKind(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	sample(t, g)
	sources := g.data(t, reader, `{ provider(name: "HR") { id instances { id } } builtIn: provider(name: "K2") { id } role(name: "Empty") { id } }`, nil)
	created := g.data(t, admin, `mutation { createAccessToken(input: {name: "t", scopes: [READ]}) { token { id } } }`, nil)
	token := at(t, created, "createAccessToken", "token", "id")
	ids := map[string]any{"ids": []any{
		uid("ana").String(), "1", at(t, sources, "provider", "id"), uid("nobody").String(), at(t, sources, "provider", "instances", 0, "id"),
		uid("Engineers").String(), at(t, sources, "role", "id"), at(t, sources, "builtIn", "id"), token, uid("dora").String(), "",
		uid("ana").String(),
	}}
	const query = `query($ids: [ID!]!) { nodes(ids: $ids) {
		__typename id ... on Identity { fqn } ... on Provider { label: name } ... on ProviderInstance { instance: name }
	} }`
	golden(t, "nodes_reader", g.data(t, reader, query, ids))
	golden(t, "nodes_admin", g.data(t, admin, query, ids))
	one := `query($id: ID!) { node(id: $id) { __typename } }`
	for _, test := range []struct{ id, want any }{
		{uid("ana").String(), "User"}, {at(t, sources, "provider", "id"), "Provider"}, {token, "AccessToken"},
	} {
		if got := at(t, g.data(t, admin, one, map[string]any{"id": test.id}), "node", "__typename"); got != test.want {
			t.Errorf("the node %v is a %v, want a %v", test.id, got, test.want)
		}
	}
	for _, id := range []any{"", "x", token, uid("nobody").String()} {
		if got := at(t, g.data(t, reader, one, map[string]any{"id": id}), "node"); got != nil {
			t.Errorf("a reader sees the node %v: %v", id, got)
		}
	}
}
