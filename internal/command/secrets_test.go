package command

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

// TestQ6SecretsAreNeverReturned: what was set or made is shown when it is made, if at all, and never again.
func TestQ6SecretsAreNeverReturned(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	if code := launch(t, nil, "keyset", file).exit(patience); code != exitOK {
		t.Fatal(code)
	}
	c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_SECRETS_KEYSET="+file)
	c.graphQL(admin, `mutation { addProvider(input: {name: "AAD", type: AzureAD}) { userErrors { message } } }`)
	c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "AAD"}) { userErrors { message } } }`)
	set := c.graphQL(admin, `mutation { setRuntimeConfig(input: {provider: "AAD", key: "aad.clientSecret", value: "`+canary.Mark+`"}) { userErrors { message } instance { runtimeConfig { key value secret } } } }`)
	again := c.graphQL(admin, `{ providers { instances { runtimeConfig { key value secret } } } }`)
	for _, answer := range []string{set, again} {
		if !strings.Contains(answer, `{"key":"aad.clientSecret","value":null,"secret":true}`) {
			t.Errorf("a secret is not told of: %s", answer)
		}
	}
	made := c.graphQL(admin, `mutation { createAccessToken(input: {name: "x", scopes: [READ]}) { secret token { id name } } }`)
	_, rest, _ := strings.Cut(made, `"secret":"`)
	secret, _, _ := strings.Cut(rest, `"`)
	listed := c.graphQL(admin, `{ accessTokens { nodes { id name scopes createdAt lastUsedAt } } }`)
	if len(secret) < 40 || !strings.Contains(listed, `"name":"x"`) || strings.Contains(listed, secret[4:]) {
		t.Errorf("the token %s is in %s", secret, listed)
	}
}

// TestQ5RotateSecrets changes the key under two replicas that go on serving, as docs/operations.md says.
func TestQ5RotateSecrets(t *testing.T) {
	t.Parallel()
	file, copied := filepath.Join(t.TempDir(), "keys.json"), filepath.Join(t.TempDir(), "copy.json")
	url := testpg.New(t)
	database := "ROSTER_DATABASE_URL=" + url
	ran := func(want string, args ...string) {
		t.Helper()
		c := launch(t, []string{database, "ROSTER_SECRETS_KEYSET=" + file}, args...)
		if code := c.exit(patience); code != exitOK || !strings.Contains(c.stdout.String(), want) {
			t.Fatalf("%v ended with %d and %q, want %q", args, code, c.stdout, want)
		}
	}
	bring := func() {
		t.Helper()
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(copied, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ran("Made", "keyset", file)
	bring()
	settings := []string{database, "ROSTER_ADMIN_TOKEN=" + admin}
	one := serve(t, append(settings, "ROSTER_SECRETS_KEYSET="+file)...)
	two := serve(t, append(settings, "ROSTER_SECRETS_KEYSET="+copied)...)
	one.graphQL(admin, `mutation { addProvider(input: {name: "AAD", type: AzureAD}) { userErrors { message } } }`)
	one.graphQL(admin, `mutation { addProviderInstance(input: {provider: "AAD"}) { userErrors { message } } }`)
	set := func(c *child, value string) {
		t.Helper()
		for _, key := range [][2]string{
			{"aad.clientSecret", value},
			{"aad.tenantDomain", "contoso.example"},
			{"aad.clientId", "6ae6783f-4fbd-491b-aeb8-8b73a48ed247"},
			{"aad.authorityHost", "https://127.0.0.1:1"},
			{"aad.graphEndpoint", "https://127.0.0.1:1"},
		} {
			c.graphQL(admin, `mutation { setRuntimeConfig(input: {provider: "AAD", key: "`+key[0]+`", value: "`+key[1]+`"}) { userErrors { message } } }`)
		}
	}
	readable := func(step string) {
		t.Helper()
		for _, c := range []*child{one, two} {
			answer := c.graphQL(admin, `mutation { testConnection(input: {provider: "AAD"}) { checks { name ok detail } userErrors { message } } }`)
			if !strings.Contains(answer, `"configuration","ok":true`) {
				t.Errorf("%s: %s", step, answer)
			}
		}
	}
	set(one, canary.Mark+"-first")
	readable("at first")

	ran("Added a key", "secrets", "add-key", file)
	ran("waits already", "secrets", "add-key", file)
	requireFailure(t, launch(t, []string{database, "ROSTER_SECRETS_KEYSET=" + file}, "secrets", "rotate", "--drop-old"), exitFailed, "a key waits", "without --drop-old")
	bring()
	readable("a key waits")
	ran("1 of 1 secrets", "secrets", "rotate")
	readable("rotated, with the copy as it was")
	ran("0 of 1 secrets", "secrets", "rotate")
	set(two, canary.Mark+"-second") // at a replica that has not got the file
	readable("set with the old key")
	requireFailure(t, launch(t, []string{database, "ROSTER_SECRETS_KEYSET=" + file}, "secrets", "rotate", "--drop-old"), exitFailed, "the old keys were kept", "Copy")
	bring()
	set(two, canary.Mark+"-third")
	ran("Deleted 1 old keys", "secrets", "rotate", "--drop-old")
	readable("one file without the old key")
	bring()
	readable("both without the old key")
	db, err := sql.Open("postgres", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var rotations int
	if err := db.QueryRow(`SELECT count(*) FROM audit WHERE action = 'secrets.rotate'`).Scan(&rotations); err != nil || rotations != 2 {
		t.Errorf("the audit trail tells of %d rotations (%v), want 2", rotations, err)
	}

	ran("Added a key", "secrets", "add-key", file)
	other := filepath.Join(t.TempDir(), "other.json")
	ran("Made", "keyset", other)
	requireFailure(t, launch(t, []string{database, "ROSTER_SECRETS_KEYSET=" + other}, "secrets", "rotate", "--drop-old"), exitFailed, "aad.clientSecret of AAD", "set them again")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	variable := "ROSTER_SECRETS_KEYSET_JSON=" + string(text)
	requireFailure(t, launch(t, []string{database, variable}, "secrets", "rotate"), exitFailed, "ROSTER_SECRETS_KEYSET")
	three := serve(t, append(settings, variable)...)
	if answer := three.graphQL(admin, `mutation { testConnection(input: {provider: "AAD"}) { checks { name ok } userErrors { message } } }`); !strings.Contains(answer, `"configuration","ok":true`) {
		t.Errorf("with the keyset in a variable: %s", answer)
	}
}
