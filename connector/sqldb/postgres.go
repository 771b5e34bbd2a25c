package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/lib/pq"
)

var postgres = &dialect{
	schemes: []string{"postgres", "postgresql"}, example: "postgres://user:password@host:5432/database", port: 5432,
	parameters: map[string]func(*endpoint, string) bool{
		"sslmode": func(e *endpoint, value string) bool {
			e.encrypted, e.verified = value != "disable", value == "verify-full"
			return e.verified || value == "require" || value == "disable"
		},
	},
	parameterHelp: "sslmode is verify-full, which it is where it is not set, require or disable",
	quotes:        [2]byte{'"', '"'},
	lexis:         lexis{nested: true, dollars: true, escapeStrings: true},
	connector: func(e endpoint, d *dialer) driver.Connector {
		if e.tls != nil {
			d.secure = postgresTLS(e.tls)
		}
		// The dialer speaks TLS, so that the driver looks for no certificates in files; nor does it look for a password.
		connector, err := pq.NewConnectorConfig(pq.Config{
			Host: e.host, Port: e.port, User: e.user, Password: e.password, Passfile: noFile, Database: e.database, ApplicationName: "roster",
			SSLMode: pq.SSLModeDisable, ConnectTimeout: connectLimit, ClientEncoding: "UTF8", Datestyle: "ISO, MDY",
		})
		if err != nil {
			return failing{err}
		}
		connector.Dialer(d)
		return connector
	},
	begin: func(ctx context.Context, conn *sql.Conn, statement time.Duration) (*sql.Tx, string, error) {
		tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return nil, "", err
		}
		for _, set := range []string{
			"SELECT 1", // from its first snapshot on a transaction cannot be made one that writes
			// For what would come after an end of the transaction that is not ours; ours takes it back. Whoever gets the
			// connection next, where a pooler keeps it, can write.
			"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
			"SET LOCAL statement_timeout = " + milliseconds(statement),
		} {
			if _, err := tx.ExecContext(ctx, set); err != nil {
				return tx, "", err
			}
		}
		return tx, "", nil
	},
	refusal: func(err error) (refusal, bool) {
		e := pq.As(err)
		if e == nil {
			return refusal{}, false
		}
		r := refusal{said: e.Message}
		switch code := string(e.Code); {
		case code == "28000" || code == "28P01":
			r.about = aboutSignIn
		case code == "3D000":
			r.about = aboutDatabase
		case code == "42501":
			r.about = aboutPermission
		case code == "25006":
			r.about = aboutWriting
		case code == "57014":
			r.about = aboutTime
		case len(code) == 5 && (code[:2] == "42" || code[:2] == "22" || code[:2] == "0A"):
			r.about = aboutStatement
		}
		return r, true
	},
}
