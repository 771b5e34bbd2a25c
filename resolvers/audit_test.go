package resolvers_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

// source is one that knows one user.
type source struct{}

func (source) Read(context.Context, connector.From, func(context.Context, connector.Page) error) error {
	return nil
}

func (source) Check(_ context.Context, report func(connector.Check)) {
	report(connector.Check{Name: "all", OK: true})
}

func (source) Lookup(context.Context, directory.IdentityKind, string, string) (*connector.Page, error) {
	return &connector.Page{Identities: []connector.Identity{{Kind: directory.KindUser, Key: "1", Attributes: map[string]any{"userName": "ana"}}}}, nil
}

var sources = connector.Type{
	ProviderType: directory.ProviderType{Name: directory.TypeAzureAD, ConfigKeys: []directory.ConfigKey{{Key: "plain"}, {Key: "secret", Secret: true}}},
	Open:         func(connector.Config) (connector.Source, error) { return source{}, nil },
}

// audited is a gateway, and the way into its database.
type audited struct {
	*gateway
	*testing.T
	db *sql.DB
}

func newAudited(t *testing.T) audited {
	t.Helper()
	url := testpg.New(t)
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return audited{newGatewayAt(t, url, sources), t, db}
}

func (a audited) exec(query string, args ...any) {
	a.Helper()
	if _, err := a.db.Exec(query, args...); err != nil {
		a.Fatalf("%s: %v", query, err)
	}
}

func (a audited) text(query string, args ...any) (text string) {
	a.Helper()
	if err := a.db.QueryRow(query, args...).Scan(&text); err != nil {
		a.Fatalf("%s: %v", query, err)
	}
	return text
}

// state is all that mutations may change, the audit trail included.
func (a audited) state() string {
	a.Helper()
	var out strings.Builder
	for _, table := range []string{"provider", "provider_instance", "runtime_config", "identity", "alias", "link", "change_log", "access_token", "sync_run", "sync_lease", "audit"} {
		out.WriteString(table + "\n" + a.text(`SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM `+table+` t`) + "\n")
	}
	return out.String()
}

// mutations are operations that change something, in an order in which each can; before is what it needs.
var mutations = []struct{ field, arguments, before string }{
	{"addProvider", `name: "AAD", type: AzureAD`, ""},
	{"updateProvider", `name: "AAD", enabled: true`, ""},
	{"addProviderInstance", `provider: "AAD"`, ""},
	{"updateProviderInstance", `provider: "AAD", renames: DISABLE_OLD`, ""},
	{"setRuntimeConfig", `provider: "AAD", key: "secret", value: "x"`, ""},
	{"deleteRuntimeConfig", `provider: "AAD", key: "secret"`, ""},
	{"setSyncSchedule", `provider: "AAD", every: "PT15M"`, ""},
	{"resetSyncState", `provider: "AAD"`, ""},
	{"syncIdentity", `provider: "AAD", externalId: "1"`, ""},
	{"startSync", `provider: "AAD"`, ""},
	{"cancelSync", `runId: "%s"`, `INSERT INTO sync_lease (run_id, fence, owner, until) SELECT id, 1, 'a replica', now() + interval '1h' FROM sync_run`},
	{"approveSync", `runId: "%s", planHash: "h"`, `UPDATE sync_run SET status = 'QUARANTINED', plan_hash = 'h',
		plan_writes = (SELECT sync_writes FROM provider_instance i WHERE i.id = instance_id)`},
	{"rejectSync", `runId: "%s"`, `UPDATE sync_run SET status = 'QUARANTINED', plan_hash = 'h'`},
	{"createRole", `name: "R"`, ""},
	{"updateRole", `name: "R", description: "d"`, ""},
	{"addRoleMembers", `role: "R", members: ["AAD:ana"]`, ""},
	{"removeRoleMembers", `role: "R", members: ["AAD:ana"]`, ""},
	{"deleteRole", `name: "R"`, ""},
	{"createAccessToken", `name: "t", scopes: [READ]`, ""},
	{"rotateAccessToken", `id: "%s"`, ""},
	{"revokeAccessToken", `id: "%s"`, `DELETE FROM access_token WHERE expires_at IS NOT NULL`},
	{"deleteProviderInstance", `provider: "AAD"`, `UPDATE provider_instance SET enabled = false`},
	{"deleteProvider", `name: "AAD"`, `UPDATE provider SET enabled = false WHERE name = 'AAD'`},
	{"testConnection", `provider: "AAD"`, "-"}, // changes nothing
}

// A mutation whose audit row cannot be written fails, and leaves nothing behind; else it leaves its row.
func TestSafetyR27MutationsFailWithoutTheirAuditRow(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	a.exec(`CREATE TABLE broken ();
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM broken) THEN RAISE EXCEPTION 'no space left'; END IF; RETURN NEW;
		END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()`)
	told := map[string]bool{}
	for _, m := range mutations {
		if told[m.field] = true; m.before == "-" {
			continue
		}
		if m.before != "" {
			a.exec(m.before)
		}
		arguments := m.arguments
		switch {
		case strings.Contains(arguments, "runId"):
			arguments = fmt.Sprintf(arguments, a.text(`SELECT uid FROM sync_run`))
		case strings.Contains(arguments, "%s"):
			arguments = fmt.Sprintf(arguments, a.text(`SELECT uid FROM access_token`))
		}
		query := fmt.Sprintf(`mutation { %s(input: {%s}) { userErrors { code message } } }`, m.field, arguments)
		before := a.state()
		a.exec(`INSERT INTO broken DEFAULT VALUES`)
		if got := a.run(t, admin, query, nil); len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "INTERNAL" || strings.Contains(fmt.Sprint(got), "space") {
			t.Errorf("%s without its audit row is answered %+v", m.field, got)
		}
		a.exec(`DELETE FROM broken`)
		if now := a.state(); now != before {
			t.Errorf("%s without its audit row changed something:\n%s\nwas\n%s", m.field, now, before)
		}
		rows := a.text(`SELECT count(*) FROM audit`)
		got := a.run(t, admin, query, nil)
		if payload, _ := got.Data[m.field].(map[string]any); len(got.Errors) > 0 || fmt.Sprint(payload["userErrors"]) != "[]" {
			t.Errorf("%s is answered %+v", m.field, got)
		}
		if a.text(`SELECT count(*) FROM audit`) == rows {
			t.Errorf("%s leaves no audit row", m.field)
		}
	}
	for _, field := range served().Mutation.Fields {
		if !told[field.Name] {
			t.Errorf("the mutation %s is not in this test", field.Name)
		}
	}
}

// Secrets that mutations take and give are in no audit row, and neither in its answers.
func TestQ7NoSecretInTheAuditTrail(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	for _, m := range []string{
		`addProvider(input: {name: "AAD", type: AzureAD}) {`, `addProviderInstance(input: {provider: "AAD"}) {`,
		`setRuntimeConfig(input: {provider: "AAD", key: "plain", value: "one"}) {`, `setRuntimeConfig(input: {provider: "AAD", key: "plain", value: "two"}) {`,
		`setRuntimeConfig(input: {provider: "AAD", key: "secret", value: "` + canary.Mark + `-1"}) {`, `setRuntimeConfig(input: {provider: "AAD", key: "secret", value: "` + canary.Mark + `-2"}) {`,
		`deleteRuntimeConfig(input: {provider: "AAD", key: "secret"}) {`, `deleteRuntimeConfig(input: {provider: "AAD", key: "plain"}) {`,
	} {
		if got := a.run(t, admin, `mutation { `+m+` userErrors { message } } }`, nil); len(got.Errors) > 0 || !strings.Contains(fmt.Sprint(got.Data), "userErrors:[]") {
			t.Fatalf("%s: %+v", m, got)
		}
	}
	token := a.data(t, admin, `mutation { createAccessToken(input: {name: "t", scopes: [READ]}) { secret userErrors { message } } }`, nil)
	secret := at(t, token, "createAccessToken", "secret").(string)
	answer, err := json.Marshal(a.data(t, admin, `{ audit(first: 1000) { nodes { actor action target before after detail } } }`, nil))
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"the answer": string(answer), "the trail": a.text(`SELECT string_agg(t::text, E'\n') FROM audit t`)} {
		for _, hidden := range []string{canary.Mark, secret, strings.SplitN(secret, "_", 2)[1]} {
			if strings.Contains(text, hidden) {
				t.Errorf("%s holds the secret %s", what, hidden)
			}
		}
	}
	var changes []string
	rows, err := a.db.Query(`SELECT action || detail::text FROM audit WHERE action LIKE 'instance.config.%' ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		changes = append(changes, line)
	}
	golden(t, "audit_config", changes)
}

func TestAudit(t *testing.T) {
	t.Parallel()
	a := newAudited(t)
	for i, name := range []string{"one", "two", "three"} {
		ctx := directory.WithActor(t.Context(), directory.Actor{Name: "ana", Token: uid("token").String(), Door: "graphql", RequestID: fmt.Sprint("r", i)})
		if _, err := a.directory.CreateRole(ctx, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.directory.DeleteRole(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	target := a.text(`SELECT uid FROM identity WHERE name = 'two'`)
	if _, _, err := a.store.SealAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := a.directory.CreateRole(t.Context(), "unsealed", nil)
	if err != nil {
		t.Fatal(err)
	}
	names := func(filter string) string {
		t.Helper()
		var out []string
		for _, node := range at(t, a.data(t, admin, `{ audit(filter: {`+filter+`}) { nodes { action after before } } }`, nil), "audit", "nodes").([]any) {
			state := fmt.Sprint(at(t, node, "after"), at(t, node, "before"))
			state = strings.TrimSuffix(strings.SplitN(state, `"name": "`, 2)[1], `"}<nil>`)
			out = append(out, strings.SplitN(state, `"`, 2)[0])
		}
		return strings.Join(out, " ")
	}
	now := time.Now().UTC()
	for filter, want := range map[string]string{
		"": "unsealed two three two one", `actor: "ana"`: "three two one", `actor: "Ana"`: "", `action: ["role.delete"]`: "two",
		`action: ["role.delete", "role.create"], requestId: "r1"`: "two", `action: []`: "", `door: [GRAPHQL]`: "three two one", `door: [SYSTEM, SCIM]`: "unsealed two",
		`door: []`: "", `target: "` + target + `"`: "two two", `requestId: ""`: "", `requestId: "r0"`: "one",
		`since: "` + now.Add(-time.Hour).Format(time.RFC3339) + `"`: "unsealed two three two one", `until: "` + now.Add(-time.Hour).Format(time.RFC3339) + `"`: "",
	} {
		if got := names(filter); got != want {
			t.Errorf("{%s} finds %q, want %q", filter, got, want)
		}
	}
	const page = `query($after: Cursor) { audit(first: 2, after: $after) { nodes { id actor tokenId door action target requestId before after detail hash at }
		pageInfo { hasNextPage hasPreviousPage endCursor } } }`
	var seen []any
	var after any
	for range 3 {
		got := a.data(t, admin, page, map[string]any{"after": after})
		seen = append(seen, at(t, got, "audit", "nodes").([]any)...)
		after = at(t, got, "audit", "pageInfo", "endCursor")
	}
	if len(seen) != 5 || at(t, seen[0], "hash") != nil || len(at(t, seen[1], "hash").(string)) != 64 {
		t.Errorf("the pages hold %v", seen)
	}
	got := seen[2]
	for field, want := range map[string]any{
		"actor": "ana", "tokenId": uid("token").String(), "door": "GRAPHQL", "action": "role.create", "requestId": "r2", "before": nil,
		"after": `{"name": "three", "status": "ACTIVE"}`, "detail": nil,
	} {
		if at(t, got, field) != want {
			t.Errorf("%s is %v, want %v", field, at(t, got, field), want)
		}
	}
	for _, query := range []string{`{ audit(first: 0) { nodes { id } } }`, `{ audit(first: 1001) { nodes { id } } }`, `{ audit(after: "WyIxIiwidG9rZW5zIiwiNyJd") { nodes { id } } }`} {
		if code := a.code(t, admin, query, nil); code != "BAD_USER_INPUT" {
			t.Errorf("%s gets %s", query, code)
		}
	}
	if code := a.code(t, reader, `{ audit { nodes { id } } }`, nil); code != "FORBIDDEN" {
		t.Errorf("a reader gets %s", code)
	}
}
