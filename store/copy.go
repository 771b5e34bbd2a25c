package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// copyRow writes the columns of rows one after the other, as COPY takes them in its text format (PostgreSQL manual, COPY,
// "File Formats"). The package database/sql would make a value of each first, which costs more than all the rest.
type copyRow struct {
	buf   []byte
	begun bool // the row has a column
}

func (c *copyRow) column() {
	if c.begun {
		c.buf = append(c.buf, '\t')
	}
	c.begun = true
}

// end ends a row.
func (c *copyRow) end() {
	c.buf = append(c.buf, '\n')
	c.begun = false
}

func (c *copyRow) null() {
	c.column()
	c.buf = append(c.buf, '\\', 'N')
}

func (c *copyRow) int(n int64) {
	c.column()
	c.buf = strconv.AppendInt(c.buf, n, 10)
}

func (c *copyRow) bool(b bool) {
	c.column()
	if b {
		c.buf = append(c.buf, 't')
	} else {
		c.buf = append(c.buf, 'f')
	}
}

func (c *copyRow) text(text string) {
	c.column()
	c.escaped(text)
}

// optional is null for nil.
func (c *copyRow) optional(text *string) {
	if text == nil {
		c.null()
		return
	}
	c.text(*text)
}

// array is an array of n texts (PostgreSQL manual, "Arrays", Array Input and Output Syntax).
func (c *copyRow) array(n int, textOf func(i int) string) {
	c.column()
	c.buf = append(c.buf, '{')
	for i := range n {
		if i > 0 {
			c.buf = append(c.buf, ',')
		}
		c.buf = append(c.buf, '"')
		text := textOf(i)
		if strings.ContainsAny(text, `"\`) {
			text = arrayQuoting.Replace(text)
		}
		c.escaped(text)
		c.buf = append(c.buf, '"')
	}
	c.buf = append(c.buf, '}')
}

var arrayQuoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// escaped appends text with what means something to COPY behind a backslash.
func (c *copyRow) escaped(text string) {
	for {
		i := strings.IndexAny(text, "\\\n\r\t")
		if i < 0 {
			c.buf = append(c.buf, text...)
			return
		}
		c.buf = append(c.buf, text[:i]...)
		switch text[i] {
		case '\n':
			c.buf = append(c.buf, '\\', 'n')
		case '\r':
			c.buf = append(c.buf, '\\', 'r')
		case '\t':
			c.buf = append(c.buf, '\\', 't')
		default:
			c.buf = append(c.buf, '\\', '\\')
		}
		text = text[i+1:]
	}
}

// copyAtOnce is about how many bytes the driver is given at a time.
const copyAtOnce = 48 << 10

// copier is what the driver's COPY statements can do.
type copier interface {
	driver.Stmt
	CopyData(ctx context.Context, lines string) (driver.Result, error)
}

// copyIn copies n rows into a table. What goes wrong is not told to the connection: it would wait for the transaction on
// it to end, before it let us end that. The pool finds out by itself that a connection is good for nothing any more.
func (t bulkTx) copyIn(table string, columns []string, n int, row func(to *copyRow, i int) error) (failed error) {
	if n == 0 {
		return nil
	}
	err := t.conn.Raw(func(raw any) error {
		defer func() {
			if r := recover(); r != nil {
				failed = fmt.Errorf("a copy panicked: %v", r)
			}
		}()
		failed = t.copyTo(raw, table, columns, n, row)
		return nil
	})
	return cmp.Or(failed, err)
}

func (t bulkTx) copyTo(raw any, table string, columns []string, n int, row func(to *copyRow, i int) error) (err error) {
	conn, ok := raw.(driver.ConnPrepareContext)
	if !ok {
		return errors.New("the connection cannot copy")
	}
	stmt, err := conn.PrepareContext(t.ctx, "COPY "+t.text(table)+" ("+strings.Join(columns, ", ")+") FROM STDIN")
	if err != nil {
		return err
	}
	defer func() { // what the server says of the rows comes at the end
		if ended := stmt.Close(); err == nil {
			err = ended
		}
	}()
	to := &copyRow{}
	for i := range n {
		if err := row(to, i); err != nil {
			return err
		}
		to.end()
		if len(to.buf) < copyAtOnce && i < n-1 {
			continue
		}
		lines := to.buf[:len(to.buf)-1] // the driver ends the last one
		if _, err := stmt.(copier).CopyData(t.ctx, string(lines)); err != nil {
			return err
		}
		to.buf = to.buf[:0]
	}
	return nil
}
