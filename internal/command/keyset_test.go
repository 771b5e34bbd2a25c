package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roster-gateway/roster/internal/canary"
	"github.com/roster-gateway/roster/internal/testpg"
)

// TestKeyset makes a keyset and serves with it over a database of its own.
func TestKeyset(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keys.json")
	made := launch(t, nil, "keyset", file)
	if code := made.exit(patience); code != 0 || !strings.Contains(made.stdout.String(), file) {
		t.Fatalf("keyset ended with %d", code)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v (%v), want it readable by its owner only", info.Mode(), err)
	}
	requireFailure(t, launch(t, nil, "keyset", file), exitFailed, "there already")

	for keyset, want := range map[string]string{file: `"userErrors":[]`, "": "No key to encrypt secrets"} {
		c := serve(t, "ROSTER_DATABASE_URL="+testpg.New(t), "ROSTER_ADMIN_TOKEN="+admin, "ROSTER_SECRETS_KEYSET="+keyset)
		c.graphQL(admin, `mutation { addProvider(input: {name: "AAD", type: AzureAD}) { userErrors { message } } }`)
		c.graphQL(admin, `mutation { addProviderInstance(input: {provider: "AAD"}) { userErrors { message } } }`)
		answer := c.graphQL(admin, `mutation { setRuntimeConfig(input: {provider: "AAD", key: "aad.clientSecret", value: "`+canary.Mark+`"}) { userErrors { message } instance { runtimeConfig { key value secret } } } }`)
		if !strings.Contains(answer, want) {
			t.Errorf("with the keyset %q: %s", keyset, answer)
		}
	}
}
