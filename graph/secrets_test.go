package graph_test

import (
	"regexp"
	"testing"
)

var secretive = regexp.MustCompile(`(?i)secret|password|hash|credential|private`)

// No secret can be read: a field that is called one says whether there is one, or is a new token's, shown once.
func TestZ2NoSecretHasAPlaceInTheSchema(t *testing.T) {
	t.Parallel()
	allowed := map[string]string{
		"ConfigKey.secret":                "Boolean!",
		"RuntimeConfigEntry.secret":       "Boolean!",
		"CreateAccessTokenPayload.secret": "String",
		"RotateAccessTokenPayload.secret": "String",
		"SyncRun.planHash":                "String", // of what is planned
		"AuditEvent.hash":                 "String", // of what was done
	}
	for _, def := range served().Types {
		if !ours(def) || def.IsInputType() {
			continue
		}
		for _, field := range def.Fields {
			coordinate := def.Name + "." + field.Name
			if secretive.MatchString(field.Name) && allowed[coordinate] != field.Type.String() {
				t.Errorf("%s: %s looks like a secret that can be read", coordinate, field.Type)
			}
		}
	}
}
