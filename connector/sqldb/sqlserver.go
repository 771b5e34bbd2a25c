package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"
)

// sqlServer knows no transaction that only reads. What stands in for it: a query is refused by the words in it, all of
// which are reserved in Transact-SQL; what a query should do in spite of that is rolled back; and the account should be one
// that may only read.
var sqlServer = &dialect{
	schemes: []string{"sqlserver"}, example: "sqlserver://user:password@host:1433?database=name", port: 1433,
	parameters: map[string]func(*endpoint, string) bool{
		"database": func(e *endpoint, value string) bool {
			given := e.database == "" // a path would be the name of an instance, which a port stands for
			e.database = value
			return given && value != ""
		},
		"encrypt": func(e *endpoint, value string) bool {
			e.encrypted, e.strict = value != "disable", value == "strict"
			return value == "true" || e.strict || !e.encrypted
		},
		"trustservercertificate": func(e *endpoint, value string) bool {
			e.verified = value != "true"
			return value == "true" || value == "false"
		},
	},
	parameterHelp: "database is the name of one, encrypt is true, which it is where it is not set, strict or disable, trustServerCertificate is true or false, and an instance is named by its port",
	quotes:        [2]byte{'[', ']'},
	lexis:         lexis{nested: true, brackets: true},
	reserved: words("INTO INSERT UPDATE DELETE MERGE TRUNCATE CREATE ALTER DROP GRANT DENY REVOKE EXEC EXECUTE BEGIN COMMIT ROLLBACK SAVE TRAN TRANSACTION " +
		"DECLARE SET IF WHILE GOTO RETURN WAITFOR PRINT RAISERROR SHUTDOWN KILL BACKUP RESTORE DBCC CHECKPOINT RECONFIGURE REVERT SETUSER TRIGGER PROCEDURE PROC " +
		"BULK OPENROWSET OPENQUERY OPENDATASOURCE WRITETEXT UPDATETEXT READTEXT OPEN CLOSE DEALLOCATE LOAD DUMP LINENO"),
	connector: func(e endpoint, d *dialer) driver.Connector {
		connector := mssql.NewConnectorConfig(msConfig(e))
		connector.Dialer = d
		return connector
	},
	begin: func(ctx context.Context, conn *sql.Conn, _ time.Duration) (*sql.Tx, string, error) {
		allowed := false
		err := conn.QueryRowContext(ctx, "SELECT CAST(CASE WHEN snapshot_isolation_state = 1 THEN 1 ELSE 0 END AS bit) FROM sys.databases WHERE database_id = DB_ID()").Scan(&allowed)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, "", err
		}
		if !allowed {
			tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
			return tx, "This database does not allow snapshot isolation, so that each query sees a moment of its own; allow it by ALTER DATABASE ... SET ALLOW_SNAPSHOT_ISOLATION ON.", err
		}
		tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSnapshot})
		return tx, "", err
	},
	refusal: func(err error) (refusal, bool) {
		e := mssql.Error{}
		if !errors.As(err, &e) {
			return refusal{}, false
		}
		r := refusal{said: e.Message}
		switch e.Number {
		case 18452, 18456, 18470, 18486, 18487, 18488:
			r.about = aboutSignIn
		case 4060, 911, 916:
			r.about = aboutDatabase
		case 229, 230, 262, 300:
			r.about = aboutPermission
		case 3906, 3924, 3930:
			r.about = aboutWriting
		case 102, 105, 156, 195, 207, 208, 209, 319, 4104, 8155, 8156:
			r.about = aboutStatement
		}
		return r, true
	},
}

// msConfig is the driver's configuration.
func msConfig(e endpoint) msdsn.Config {
	cfg := msdsn.Config{
		Host: e.host, Port: uint64(e.port), Database: e.database, User: e.user, Password: e.password,
		Encryption: msdsn.EncryptionDisabled, TLSConfig: e.tls, TrustServerCertificate: !e.verified, HostInCertificateProvided: false,
		AppName: "roster", Workstation: "roster", Protocols: []string{"tcp"}, ReadOnlyIntent: true, DisableRetry: true, DialTimeout: connectLimit,
		Encoding: msdsn.EncodeParameters{GuidConversion: true, Timezone: time.UTC},
	}
	switch {
	case e.strict:
		cfg.Encryption = msdsn.EncryptionStrict
	case e.encrypted:
		cfg.Encryption = msdsn.EncryptionRequired
	}
	return cfg
}
