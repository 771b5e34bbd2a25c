package raw

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/bench/dataset"
)

// The sizes of the benchmark's pages.
const (
	pageSize    = 50
	membersSize = 1_000
	resolveSize = 50
)

func (s *server) appendUserAnswer(out []byte, user int) []byte {
	out = append(out, `{"data":{"user":`...)
	out = s.appendUser(out, user)
	return append(out, `}}`...)
}

// appendUser appends ten plain fields.
func (s *server) appendUser(out []byte, user int) []byte {
	u := &s.data.Users[user]
	out = append(out, `{"id":"`...)
	out = appendUID(out, u.UID)
	out = append(out, `","fqn":"`+dataset.Label+`:`...)
	out = append(out, u.UserName...)
	out = append(out, `","userName":`...)
	out = appendText(out, u.UserName)
	out = append(out, `,"displayName":`...)
	out = appendText(out, u.Display)
	out = append(out, `,"email":`...)
	out = appendText(out, u.UserName)
	out = append(out, `,"givenName":`...)
	out = appendText(out, u.Given)
	out = append(out, `,"familyName":`...)
	out = appendText(out, u.Family)
	out = append(out, `,"userType":"Employee","status":"ACTIVE","createdAt":"`...)
	out = append(out, s.created[user]...)
	return append(out, `"}`...)
}

// page is the page of users after an index, which all meet the filter.
func (s *server) page(r *http.Request, b *scratch) (int, error) {
	after, err := index(r, "after", len(s.data.Users))
	if err != nil {
		return 0, err
	}
	out := append(b.out, `{"data":{"users":{"nodes":[`...)
	end := min(after+pageSize, len(s.data.Users))
	for user := after; user < end; user++ {
		if user > after {
			out = append(out, ',')
		}
		out = s.appendUser(out, user)
	}
	out = append(out, `],"pageInfo":{"hasNextPage":`...)
	out = strconv.AppendBool(out, end < len(s.data.Users))
	out = append(out, `,"endCursor":"WyIxIiwidXNlcnMvSUQiLCIiLCI`...) // of the length of a real one
	out = strconv.AppendInt(out, int64(end), 10)
	b.out = append(out, `"}}}}`...)
	return http.StatusOK, nil
}

// members expands a group.
func (s *server) members(r *http.Request, b *scratch) (int, error) {
	group, err := index(r, "group", len(s.data.Groups))
	if err != nil {
		return 0, err
	}
	b.ids, _ = b.expander.Members(b.ids, group, membersSize)
	out := append(b.out, `{"data":{"group":{"members":{"nodes":`...)
	out = s.appendNamed(out, b.ids)
	b.out = append(out, `}}}}`...)
	return http.StatusOK, nil
}

// appendNamed appends the ids and user names of users.
func (s *server) appendNamed(out []byte, users []int32) []byte {
	out = append(out, '[')
	for i, user := range users {
		u := &s.data.Users[user]
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"id":"`...)
		out = appendUID(out, u.UID)
		out = append(out, `","userName":`...)
		out = appendText(out, u.UserName)
		out = append(out, '}')
	}
	return append(out, ']')
}

// principals lists the groups that a user is effectively in.
func (s *server) principals(r *http.Request, b *scratch) (int, error) {
	user, err := index(r, "user", len(s.data.Users))
	if err != nil {
		return 0, err
	}
	b.ids = b.expander.Principals(b.ids, user)
	out := append(b.out, `{"data":{"user":{"memberOf":{"nodes":[`...)
	for i, group := range b.ids {
		g := &s.data.Groups[group]
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"id":"`...)
		out = appendUID(out, g.UID)
		out = append(out, `","name":`...)
		out = appendText(out, g.Name)
		out = append(out, '}')
	}
	b.out = append(out, `]}}}}`...)
	return http.StatusOK, nil
}

// resolve expands several groups, whose indexes are parted by commas.
func (s *server) resolve(r *http.Request, b *scratch) (int, error) {
	out := append(b.out, `{"data":{"resolve":{"results":[`...)
	first := true
	for text := range strings.SplitSeq(r.PathValue("groups"), ",") {
		group, err := strconv.Atoi(text)
		if err != nil || group < 0 || group >= len(s.data.Groups) {
			return 0, strconv.ErrRange
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(out, `{"fqn":"`+dataset.Label+`:`...)
		out = append(out, s.data.Groups[group].Name...)
		out = append(out, `","status":"RESOLVED","users":{"nodes":`...)
		b.ids, _ = b.expander.Members(b.ids[:0], group, resolveSize)
		out = s.appendNamed(out, b.ids)
		out = append(out, `}}`...)
	}
	b.out = append(out, `]}}}`...)
	return http.StatusOK, nil
}

func appendUID(out []byte, uid [16]byte) []byte {
	var text [36]byte
	hex.Encode(text[:8], uid[:4])
	hex.Encode(text[9:13], uid[4:6])
	hex.Encode(text[14:18], uid[6:8])
	hex.Encode(text[19:23], uid[8:10])
	hex.Encode(text[24:], uid[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return append(out, text[:]...)
}

// appendText appends a JSON string.
func appendText(out []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // a string can always be encoded
			return append(out, quoted...)
		}
	}
	out = append(out, '"')
	out = append(out, text...)
	return append(out, '"')
}
