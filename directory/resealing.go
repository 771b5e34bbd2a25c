package directory

import "context"

// Resealer encrypts secrets anew when the key has changed.
type Resealer interface {
	Sealer
	Unseal(ciphertext, context []byte) ([]byte, error)
	// Current reports whether a ciphertext needs no other key than the one that encrypts now.
	Current(ciphertext []byte) bool
}

// SealedSecret is an encrypted value of the runtime configuration. Owner names its instance for people.
type SealedSecret struct {
	Instance int64
	Key      string
	Owner    string
	Sealed   []byte
	// Fresh is what to keep in the place of Sealed.
	Fresh []byte
}

// SecretStore is what resealing needs from storage.
type SecretStore interface {
	// SealedSecrets lists the next secrets after a place: of an instance and key, in the order of these. Those of deleted
	// instances, which nobody opens any more, are not among them.
	SealedSecrets(ctx context.Context, instance int64, key string, limit int) ([]SealedSecret, error)
	// SwapSecrets puts fresh values in the place of those that are still what they were, and returns how many were. When
	// and by whom a secret was set stays as it is.
	SwapSecrets(ctx context.Context, secrets []SealedSecret, a Audit) (int, error)
}

// Resealed is what was done to the secrets.
type Resealed struct {
	// Secrets counts all that there are, Changed those that were encrypted anew.
	Secrets, Changed int
	// Lost names those that no key at hand opens. They were left as they are.
	Lost []string
}

// resealAtOnce is how many secrets one transaction changes.
const resealAtOnce = 100

// Reseal encrypts every secret anew that another key than the present one encrypted, bound to its row as before. It may
// run beside servers, and again: it goes on where it was broken off.
func Reseal(ctx context.Context, store SecretStore, box Resealer) (done Resealed, err error) {
	for last := (SealedSecret{}); ; {
		page, err := store.SealedSecrets(ctx, last.Instance, last.Key, resealAtOnce)
		if err != nil || len(page) == 0 {
			return done, err
		}
		last = page[len(page)-1]
		done.Secrets += len(page)
		var changed []SealedSecret
		for _, s := range page {
			if box.Current(s.Sealed) {
				continue
			}
			context := SecretContext(s.Instance, s.Key)
			plaintext, err := box.Unseal(s.Sealed, context)
			if err != nil {
				done.Lost = append(done.Lost, s.Key+" of "+s.Owner)
				continue
			}
			if s.Fresh, err = box.Seal(plaintext, context); err != nil {
				return done, err
			}
			changed = append(changed, s)
		}
		if len(changed) == 0 {
			continue
		}
		n, err := store.SwapSecrets(ctx, changed, Audit{
			Actor: ActorFrom(ctx), Action: "secrets.rotate", Target: "runtime configuration", Detail: map[string]any{"secrets": len(changed)},
		})
		done.Changed += n
		if err != nil {
			return done, err
		}
	}
}
