package canary

import "slices"

// Sealer stands in for encryption at rest: it hides a secret from whoever looks for it as it is, and from nobody else.
type Sealer struct{}

// Seal turns the secret round.
func (Sealer) Seal(plaintext, _ []byte) ([]byte, error) {
	sealed := slices.Clone(plaintext)
	slices.Reverse(sealed)
	return sealed, nil
}

// Unseal turns it back.
func (s Sealer) Unseal(ciphertext, context []byte) ([]byte, error) {
	return s.Seal(ciphertext, context)
}
