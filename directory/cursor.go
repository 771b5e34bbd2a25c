package directory

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// Cursor is an opaque, versioned place in one kind of list.
type Cursor string

// cursorVersion changes when the form of any cursor does; older ones are refused as expired.
const cursorVersion = 1

// newCursor builds a cursor of one kind of list from the parts of its key.
func newCursor(list string, parts ...string) Cursor {
	text, _ := json.Marshal(append([]string{strconv.Itoa(cursorVersion), list}, parts...)) // cannot fail
	return Cursor(base64.RawURLEncoding.EncodeToString(text))
}

// parts reads a cursor back. One of another list, another version or no cursor at all is a CodeBadInput error.
func (c Cursor) parts(list string, n int) ([]string, error) {
	bad := BadInput("after", "This is no cursor of this list. Pass a cursor exactly as the same list gave it, or none to begin again.")
	raw, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil {
		return nil, bad
	}
	var parts []string
	if err := json.Unmarshal(raw, &parts); err != nil || len(parts) != n+2 || parts[1] != list {
		return nil, bad
	}
	if parts[0] != strconv.Itoa(cursorVersion) {
		return nil, &Error{Code: CodeBadInput, Reason: ReasonExpired, Field: []string{"after"}, Message: "This cursor is of another version of this server. Begin the list again."}
	}
	for _, p := range parts[2:] {
		if p != "" && !isLookupKey(p) {
			return nil, bad
		}
	}
	return parts[2:], nil
}

// IDCursor is the cursor of a list in id order.
func IDCursor(list string, id int64) Cursor { return newCursor(list, strconv.FormatInt(id, 10)) }

// id reads an IDCursor back.
func (c Cursor) id(list string) (int64, error) {
	parts, err := c.parts(list, 1)
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil || id < 0 {
		_, err := Cursor("").parts(list, 1)
		return 0, err
	}
	return id, nil
}

// AfterID is the id that a page of such a list begins after: 0 without a cursor. A cursor of another list is a
// CodeBadInput error.
func AfterID(list string, after *Cursor) (int64, error) {
	if after == nil {
		return 0, nil
	}
	return after.id(list)
}

// CheckFirst refuses page sizes outside 1 to MaxPage.
func CheckFirst(first int) error {
	if first >= 1 && first <= MaxPage {
		return nil
	}
	e := BadInput("first", "first is %d; it must be from 1 to %d.", first, MaxPage)
	if first > MaxPage {
		e.Reason = ReasonLimit
	}
	return e
}

// CheckBatch refuses batches of more than MaxBatch keys.
func CheckBatch(field string, n int) error {
	if n <= MaxBatch {
		return nil
	}
	e := BadInput(field, "%s holds %d entries; one request takes at most %d.", field, n, MaxBatch)
	e.Reason = ReasonLimit
	return e
}
