// Package canary gives tests secrets that are told wherever they turn up, and looks for them in all that goes out: logs,
// answers, traces, metrics, files, databases. A test whose Roster shows one fails.
//
// What is a secret is told by its looks, so that the process that looks need not be the one that made it: canaries by their
// [Mark], Roster's access tokens, tokens of issuers (JWTs), keys, and the client secrets of the simulators by their form.
package canary

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Mark begins every canary. It is written alike in URLs, JSON and SQL.
const Mark = "CanaryQ7Secret"

// token is the form of Roster's access tokens, jwt of issuers' (RFC 7515 section 3.1), key of private keys (RFC 7468), keyset of
// what encrypts secrets (Tink's JSON), simulated of the client secrets that simulators draw.
const (
	token     = `rst_[A-Za-z0-9_-]{43}`
	jwt       = `eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`
	key       = `-----BEGIN [A-Z ]*PRIVATE KEY`
	keyset    = `"keyMaterialType"`
	simulated = `sim~[A-Z2-7]{26}`
)

// Pattern finds secrets. Go and Postgres read it alike.
var Pattern = strings.Join(append(forms(Mark), token, jwt, key, keyset, simulated), "|")

var (
	pattern = regexp.MustCompile(Pattern)
	// hints are in every text that the pattern finds something in; looking for them is faster.
	hints = append(forms(Mark), "rst_", "eyJ", "PRIVATE KEY", keyset, "sim~")
	// shown is a token in the answer that shows it, once.
	shown = regexp.MustCompile(`"secret":"` + token + `"`)
)

// forms are a text as it is, and as encoders write it: hexadecimal, and base64 after any number of bytes.
func forms(text string) []string {
	digits := hex.EncodeToString([]byte(text))
	out := []string{text, digits, strings.ToUpper(digits)}
	for skip := range 3 {
		rest := text[skip:]
		out = append(out, base64.RawStdEncoding.EncodeToString([]byte(rest[:len(rest)/3*3])))
	}
	return out
}

// Find returns the secrets in a text, each with what stands around it.
func Find(text string) (found []string) {
	hinted := false
	for _, hint := range hints {
		hinted = hinted || strings.Contains(text, hint)
	}
	if !hinted {
		return nil
	}
	const around = 80
	for _, at := range pattern.FindAllStringIndex(text, -1) {
		found = append(found, fmt.Sprintf("...%s...", text[max(0, at[0]-around):min(len(text), at[1]+around)]))
	}
	return found
}

// Look fails a test where a secret is in a text. The place says what the text is.
func Look(t testing.TB, place, text string) {
	if found := Find(text); len(found) > 0 { // only now: the test may be of a fuzz target, which must not be told
		t.Helper()
		t.Errorf("%s shows a secret, at %d places: %s", place, len(found), found[0])
	}
}

// LookAtAnswer is [Look] for the body of an answer, which may show the token that it tells of the making of.
func LookAtAnswer(t testing.TB, place, body string) {
	if strings.Contains(body, `"secret":"rst_`) {
		body = shown.ReplaceAllString(body, "")
	}
	Look(t, place, body)
}
