package directory

// IDCursor is the cursor of a list in id order that is kept outside this package.
func IDCursor(list string, id int64) Cursor { return idCursor(list, id) }

// AfterID is the id that a page of such a list begins after: 0 without a cursor. A cursor of another list is a
// CodeBadInput error.
func AfterID(list string, after *Cursor) (int64, error) { return afterID(list, after) }
