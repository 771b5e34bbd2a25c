package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"
)

// dialect is what there is to know about one kind of database.
type dialect struct {
	// schemes are those of its URLs, example is one of these, and port the usual one.
	schemes []string
	example string
	port    uint16
	// parameters are what may follow the question mark in a URL: they report whether they take a value.
	parameters    map[string]func(e *endpoint, value string) bool
	parameterHelp string
	// quotes are what stands around a name.
	quotes [2]byte
	// lexis is how its statements are written, and reserved are the words that no statement which reads has outside of
	// quotes.
	lexis    lexis
	reserved map[string]bool

	// connector makes connections by a dialer.
	connector func(e endpoint, d *dialer) driver.Connector
	// begin begins the transaction in which everything is read, whose statements end after a while. It says what the
	// transaction does not hold what others do.
	begin func(ctx context.Context, conn *sql.Conn, statement time.Duration) (tx *sql.Tx, lacks string, err error)
	// refusal tells what an error of the database is about.
	refusal func(error) (refusal, bool)
}

var dialects = map[string]*dialect{"postgres": postgres, "mysql": mySQL, "sqlserver": sqlServer}

// refusal is what a database says about why it does not do something.
type refusal struct {
	about about
	said  string
}

// about is what a refusal is about.
type about int

const (
	aboutSomething about = iota
	aboutSignIn
	aboutDatabase
	aboutPermission
	aboutStatement
	aboutWriting
	aboutTime
)
