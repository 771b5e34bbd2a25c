package scim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
)

// The error types of cursors (RFC 9865 section 2.1).
const (
	invalidCursor = "invalidCursor"
	expiredCursor = "expiredCursor"
	invalidCount  = "invalidCount"
)

// cursorVersion changes when the form of cursors does; older ones are expired. There is no other end to them: a cursor is
// a place in an order, which stays one while resources come and go.
const cursorVersion = 1

// pageEnd is where a page of a list ends. It is what a cursor says.
type pageEnd struct {
	// Type is the endpoint of the last resource, and At its place among those of its type.
	Type string             `json:"t"`
	At   directory.Position `json:"a"`
	// Total is the length of the list, as it was counted for the first page.
	Total int `json:"n"`
}

// listByCursor answers with the page after a cursor, or with the first where it is empty (RFC 9865 section 2).
func (rq *request) listByCursor(selections []typeQuery, cursor string) (*answer, error) {
	if _, both := rq.query["startindex"]; both {
		return nil, badInput(patch.InvalidValue, "A list is paged by cursor or by startIndex, not by both.")
	}
	count, err := rq.query.number("count", defaultCount)
	if err != nil || count < 1 || count > maxCount {
		return nil, badInput(invalidCount, "count must be a whole number from 1 to %d.", maxCount)
	}
	from, err := rq.readCursor(cursor, selections)
	if err != nil {
		return nil, err
	}
	p := page{}
	begun := slices.IndexFunc(selections, func(s typeQuery) bool { return from == nil || s.rt.Endpoint == from.Type })
	if begun < 0 {
		return nil, badInput(invalidCursor, "The type of resource that this cursor is of is gone. Begin the list again.")
	}
	end, more := pageEnd{}, false
	for i, s := range selections[begun:] {
		if i == 0 && from != nil {
			s.query.After = &from.At
		}
		left := count - len(p.shown)
		s.query.Limit = left + 1 // the one more tells whether there is a next page
		found, err := rq.directory.Resources(rq.ctx(), s.query, s.wantedBy(s.projection))
		if err != nil {
			return nil, err
		}
		if more = len(found) > left; more {
			found = found[:left]
		}
		p.add(s, found)
		if n := len(found); n > 0 {
			end = pageEnd{Type: s.rt.Endpoint, At: found[n-1].Position()}
		}
		if more {
			break
		}
	}
	if p.total, err = rq.cursorTotal(from, selections, len(p.shown), more); err != nil {
		return nil, err
	}
	if end.Total = p.total; more {
		p.next = rq.cursor(end)
	}
	return rq.listAnswer(&p), nil
}

// cursorTotal is the length of the list. It is counted once, for the first page.
func (rq *request) cursorTotal(from *pageEnd, selections []typeQuery, shown int, more bool) (total int, err error) {
	if from != nil {
		return from.Total, nil
	}
	if !more {
		return shown, nil
	}
	for _, s := range selections {
		n, err := rq.directory.Count(rq.ctx(), s.query)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// seal is the size of what makes sure that a cursor was given out for the very list that it is used for.
const seal = 16

// cursor gives a place out.
func (rq *request) cursor(p pageEnd) string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // it is texts and numbers
	}
	return base64.RawURLEncoding.EncodeToString(append(append([]byte{cursorVersion}, rq.seal(text)...), text...))
}

// readCursor reads a cursor back; an empty one is nil, the start.
func (rq *request) readCursor(cursor string, selections []typeQuery) (*pageEnd, error) {
	if cursor == "" {
		return nil, nil
	}
	bad := badInput(invalidCursor, "This is no cursor of this list. Pass it exactly as it was given, with the same filter and order, or begin again with an empty one.")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) < 1+seal {
		return nil, bad
	}
	if raw[0] != cursorVersion {
		return nil, badInput(expiredCursor, "This cursor was given by another version of this server. Begin again with an empty one.")
	}
	out := &pageEnd{}
	if text := raw[1+seal:]; !hmac.Equal(raw[1:1+seal], rq.seal(text)) || json.Unmarshal(text, out) != nil {
		return nil, bad
	}
	return out, nil
}

// seal is a code of a place and of the list that it is in: its instance, address, filter and order. Its key is a secret
// of the instance that all replicas know.
func (rq *request) seal(text []byte) []byte {
	mac := hmac.New(sha256.New, []byte(rq.instance.URLToken))
	list, err := json.Marshal([]any{"cursor", rq.instance.ID, rq.listed, rq.query["filter"], rq.query["sortby"], rq.query["sortorder"]})
	if err != nil {
		panic(err) // it is texts and numbers
	}
	mac.Write(list)
	mac.Write(text)
	return mac.Sum(nil)[:seal]
}
