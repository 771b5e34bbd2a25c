package directory

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldKey is the form of a name that comparison uses: canonical caseless matching (Unicode section 3.13, D145) with
// the result in NFC. It is idempotent; spaces count.
func FoldKey(name string) string {
	if isASCII(name) {
		return strings.ToLower(name)
	}
	return norm.NFC.String(strings.Map(foldCherokee, cases.Fold().String(norm.NFD.String(name))))
}

// foldCherokee folds Cherokee letters to their capitals, as Unicode's CaseFolding.txt has it; x/text swaps the two.
func foldCherokee(r rune) rune {
	switch {
	case r >= 0xAB70 && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	case r >= 0x13F8 && r <= 0x13FD:
		return r - 8
	default:
		return r
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// PlainFQN is the fully qualified name that an identity has unless another one holds it: Label:INSTANCE\name,
// Label:name in an instance without a name, and the bare name for a role.
func PlainFQN(kind IdentityKind, label, instance, name string) string {
	switch {
	case kind == KindRole:
		return name
	case instance == "":
		return label + ":" + name
	default:
		return label + ":" + instance + `\` + name
	}
}

// fqnCandidates lists the FQNs to try in turn: the plain one, then the plain one made distinguishable by 8, 16 and
// all 64 hexadecimal digits of the SHA-256 of the identity's seed (its external id, or its uid where it has none).
func fqnCandidates(plain, seed string) []string {
	sum := sha256.Sum256([]byte(seed))
	digits := hex.EncodeToString(sum[:])
	out := []string{plain}
	for _, n := range []int{8, 16, len(digits)} {
		out = append(out, plain+" ["+digits[:n]+"]")
	}
	return out
}

// checkText refuses what no column takes: invalid UTF-8, NUL, and more bytes than MaxNameLength.
func checkText(field, value string) error {
	switch {
	case !utf8.ValidString(value):
		return BadInput(field, "%s is not valid UTF-8.", field)
	case strings.ContainsRune(value, 0):
		return BadInput(field, "%s holds a NUL character, which no text may.", field)
	case len(value) > MaxNameLength:
		return BadInput(field, "%s is %d bytes long; at most %d are kept.", field, len(value), MaxNameLength)
	}
	return nil
}

// checkName is checkText for a name that must not be blank.
func checkName(field, value string) error {
	if strings.TrimSpace(value) == "" {
		return BadInput(field, "%s is required and must not be blank.", field)
	}
	return checkText(field, value)
}

// checkLabel is checkName for labels, instance names and role names, which stand before a separator of an FQN.
func checkLabel(field, value string) error {
	if strings.ContainsAny(value, `:\`) {
		return BadInput(field, `%s must hold neither ":" nor "\", the separators of a fully qualified name.`, field)
	}
	if len(value) > maxLabelLength {
		return BadInput(field, "%s is %d bytes long; at most %d are allowed.", field, len(value), maxLabelLength)
	}
	return checkName(field, value)
}

// maxLabelLength bounds labels and instance names, in bytes. An index holds about 2,700 bytes a key: a label, an
// instance's name, a name, which folding makes longer by at most a half, and the mark of a distinguished FQN fit in.
const maxLabelLength = 256

// isLookupKey reports whether a key that a reader sends can exist at all. What cannot is unknown, never an error.
func isLookupKey(key string) bool {
	return key != "" && utf8.ValidString(key) && !strings.ContainsRune(key, 0)
}
