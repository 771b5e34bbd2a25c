package graph

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
)

// cursor is what the token of a next or delta link holds. The server keeps nothing of a round, so that a page can be asked
// for again, and later.
type cursor struct {
	Kind   Kind
	Select []string `json:",omitempty"` // nil: everything
	// Minimal is the preference return=minimal: rows have what has changed alone.
	Minimal bool `json:",omitempty"`
	// Since is the tick that the client has seen; 0 in its first round. Until is the tick at which the round began.
	Since, Until uint64
	// Round tells rounds apart.
	Round uint64
	// Size is how many objects there were at the round's beginning. Position is the next one, Link its next link.
	Size, Position, Link int
	Page                 int
	// Epoch is the server's: links of former ones have expired.
	Epoch int `json:",omitempty"`
	// Delta: the round has ended, and this is the token of its delta link.
	Delta bool `json:",omitempty"`
}

var (
	errToken   = errors.New("the token is malformed")
	errForeign = errors.New("the token is of another start of the server")
)

func (s *Server) seal(c cursor) string {
	text, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(append(s.sign("link", text), text...))
}

func (s *Server) unseal(token string) (cursor, error) {
	var c cursor
	text, err := base64.RawURLEncoding.DecodeString(token)
	switch {
	case err != nil || len(text) < 16 || json.Unmarshal(text[16:], &c) != nil:
		return cursor{}, errToken
	case !hmac.Equal(text[:16], s.sign("link", text[16:])):
		return c, errForeign
	}
	return c, nil
}

func (s *Server) sign(use string, text []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(use))
	mac.Write(text)
	return mac.Sum(nil)[:16]
}
