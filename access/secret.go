package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// SecretPrefix begins every token, so that scanners of leaked secrets can recognize one.
const SecretPrefix = "rst_"

// Hash is what is stored of a token's secret. The secret holds 256 random bits, so that a plain SHA-256 cannot be
// searched.
type Hash [sha256.Size]byte

// HashOf returns the hash of a token as a caller sent it.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// newSecret draws a token.
func newSecret() string {
	bits := make([]byte, 32)
	_, _ = rand.Read(bits) // never fails: it ends the program instead
	return SecretPrefix + base64.RawURLEncoding.EncodeToString(bits)
}
