package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
)

// Hash is a SHA-256. The zero value is what the first event of a trail is chained to.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// ParseHash reads 64 hexadecimal digits.
func ParseHash(text string) (h Hash, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(h) {
		return h, fmt.Errorf("%q is no hash: it is %d hexadecimal digits", text, hex.EncodedLen(len(h)))
	}
	return Hash(raw), nil
}

// encoding is the number of the encoding of events, its first byte.
const encoding = 1

// Seal is the hash of the event where the event before it in the chain has the hash previous: the SHA-256 of
//
//	the byte 1 | previous (32 bytes) | id | at | actor | token | door | request_id | action | target | detail
//
// id and at, in microseconds since 1970-01-01 00:00:00 UTC, are signed integers of 8 bytes. A text is its length in bytes, an
// integer of 4 bytes, and its UTF-8. A detail that is null has the length 0xffffffff and nothing more. Integers have
// their most significant byte first.
func (e *Event) Seal(previous Hash) Hash {
	buffer := make([]byte, 0, 256)
	buffer = append(buffer, encoding)
	buffer = append(buffer, previous[:]...)
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(e.ID))
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(e.At.UnixMicro()))
	for _, text := range []string{e.Actor, e.Token, e.Door, e.RequestID, e.Action, e.Target} {
		buffer = appendText(buffer, text)
	}
	if e.Detail == nil {
		buffer = binary.BigEndian.AppendUint32(buffer, math.MaxUint32)
	} else {
		buffer = appendText(buffer, *e.Detail)
	}
	return sha256.Sum256(buffer)
}

func appendText(buffer []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(buffer, uint32(len(text))), text...)
}
