package front

import "testing"

func TestSCIMRoute(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/scim/":                            "/scim/",
		"/scim/v1/Users":                    "/scim/",
		"/scim/v2":                          "/scim/v2/",
		"/scim/v2/users/":                   "/scim/v2/Users",
		"/scim/v2/Users/canary":             "/scim/v2/Users/{id}",
		"/scim/v2/GROUPS/.search":           "/scim/v2/Groups/.search",
		"/scim/v2/users/.SEARCH":            "/scim/v2/Users/.search",
		"/tokens/canary/.Search/":           "/tokens/{token}/.search",
		"/scim/v2/canary/x":                 "/scim/v2/",
		"/scim/v2/Schemas/urn:canary":       "/scim/v2/Schemas/{id}",
		"/tokens/":                          "/tokens/",
		"/tokens/canary":                    "/tokens/{token}/",
		"/tokens/canary/Users/canary":       "/tokens/{token}/Users/{id}",
		"/tokens/canary/scim/v2/Bulk":       "/tokens/{token}/scim/v2/Bulk",
		"/tokens/canary/scim/v2/Users/a/b/": "/tokens/{token}/scim/v2/Users/{id}",
	} {
		if got := scimRoute(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
