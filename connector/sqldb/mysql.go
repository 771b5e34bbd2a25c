package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
)

var mySQL = &dialect{
	schemes: []string{"mysql", "mariadb"}, example: "mysql://user:password@host:3306/database", port: 3306,
	parameters: map[string]func(*endpoint, string) bool{
		"tls": func(e *endpoint, value string) bool {
			e.encrypted, e.verified = value != "false", value == "true"
			return e.verified || value == "skip-verify" || value == "false"
		},
	},
	parameterHelp: "tls is true, which it is where it is not set, skip-verify or false",
	quotes:        [2]byte{'`', '`'},
	lexis:         lexis{hashes: true, backticks: true, backslashes: true, executable: true},
	// A transaction that only reads may still lock rows, and write files on the server.
	reserved: words("INTO UPDATE LOCK"),
	connector: func(e endpoint, d *dialer) driver.Connector {
		cfg := mysql.NewConfig()
		cfg.Net, cfg.Addr = "tcp", e.address()
		cfg.User, cfg.Passwd, cfg.DBName = e.user, e.password, e.database
		cfg.TLS, cfg.DialFunc, cfg.Timeout = e.tls, d.DialContext, connectLimit
		cfg.AllowCleartextPasswords = e.verified && e.encrypted
		cfg.CheckConnLiveness = false // there is one connection, and it is new
		cfg.Logger = &mysql.NopLogger{}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return failing{err}
		}
		return connector
	},
	begin: func(ctx context.Context, conn *sql.Conn, statement time.Duration) (*sql.Tx, string, error) {
		for _, set := range []string{
			// Statements such as TRUNCATE end a transaction, whether or not it may write.
			"SET SESSION TRANSACTION READ ONLY",
			// The server is patient with a reader whose pages are being kept.
			"SET SESSION net_write_timeout = " + seconds(statement),
		} {
			if _, err := conn.ExecContext(ctx, set); err != nil {
				return nil, "", err
			}
		}
		_, err := conn.ExecContext(ctx, "SET SESSION max_execution_time = "+milliseconds(statement))
		if unknown := (*mysql.MySQLError)(nil); errors.As(err, &unknown) && unknown.Number == 1193 {
			_, err = conn.ExecContext(ctx, "SET SESSION max_statement_time = "+seconds(statement)) // MariaDB
		}
		if err != nil {
			return nil, "", err
		}
		tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		return tx, "", err
	},
	refusal: func(err error) (refusal, bool) {
		e := (*mysql.MySQLError)(nil)
		if !errors.As(err, &e) {
			return refusal{}, false
		}
		r := refusal{said: e.Message}
		switch e.Number {
		case 1044, 1049:
			r.about = aboutDatabase
		case 1045, 1251, 1698, 1862, 3118:
			r.about = aboutSignIn
		case 1142, 1143, 1227, 1370:
			r.about = aboutPermission
		case 1290, 1792:
			r.about = aboutWriting
		case 1317, 1969, 3024:
			r.about = aboutTime
		case 1052, 1054, 1064, 1146, 1149, 1305, 1060, 1248, 1295:
			r.about = aboutStatement
		}
		return r, true
	},
}
