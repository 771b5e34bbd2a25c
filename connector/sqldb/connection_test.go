package sqldb_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/sqldb"
	"github.com/roster-gateway/roster/internal/faultproxy"
)

// example is a configuration that could be one of each driver.
var example = map[string]string{
	"postgres":  "postgres://reader:canary-pass@db.example.com/hr",
	"mysql":     "mysql://reader:canary-pass@db.example.com/hr",
	"sqlserver": "sqlserver://reader:canary-pass@db.example.com?database=hr",
}

func opened(driver, url string, more ...string) (connector.Source, error) {
	values := map[string]string{"sql.driver": driver, "sql.connectionString": url, "sql.usersQuery": "SELECT id, username FROM people"}
	for i := 0; i < len(more); i += 2 {
		values[more[i]] = more[i+1]
	}
	return sqldb.Type.Open(connector.Config{Values: values, Log: slog.New(slog.DiscardHandler)})
}

func TestConnectionStrings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ driver, url, want string }{
		{"postgres", example["postgres"], ""},
		{"postgres", "postgresql://a:b@[2606:4700::1]:6432/hr?sslmode=require", ""},
		{"postgres", "postgres://a@h/hr?sslmode=disable", ""},
		{"mysql", "mysql://a:p%40ss%3A@h:3307/hr?tls=skip-verify", ""},
		{"mysql", "mariadb://a:b@h/hr", ""},
		{"sqlserver", "sqlserver://a:b@h:1444?Database=K2&Encrypt=strict&TrustServerCertificate=true", ""},

		{"postgres", "", "it begins with postgres://"},
		{"postgres", "postgres://a:canary-pass%@h/hr", "it is no URL such as postgres://user:password@host:5432/database"},
		{"postgres", "host=/run/postgresql user=canary-pass dbname=hr", "it begins with postgres://"},
		{"postgres", "user:canary-pass@tcp(h)/hr", "it is no URL"},
		{"postgres", "mysql://a:canary-pass@h/hr", "for sql.driver it begins with postgres://"},
		{"postgres", "postgres://a:canary-pass@%2Frun%2Fpostgresql/hr", "it is no URL"},
		{"postgres", "postgres://a:canary-pass@/hr", "it names no host"},
		{"postgres", "postgres://a:canary-pass@h,i/hr", "it names no host"},
		{"postgres", "postgres://a:canary-pass@h:0/hr", "its port has to be a number from 1 to 65535"},
		{"postgres", "postgres://h/hr", "it names no user"},
		{"postgres", "postgres://a:canary-pass@h", "it names no database"},
		{"postgres", "postgres://a:canary-pass@h/hr?sslmode=prefer", "sslmode is verify-full, which it is where it is not set, require or disable"},
		{"postgres", "postgres://a:canary-pass@h/hr?sslmode=disable&sslmode=verify-full", "sslmode cannot be that"},
		{"mysql", "mysql://a:canary-pass@unix(/run/mysql.sock)/hr", "it names no "},
		{"mysql", "mysql://a:canary-pass@h/hr?tls=preferred", "tls is true, which it is where it is not set, skip-verify or false"},
		{"sqlserver", "sqlserver://a:canary-pass@h/SQLEXPRESS?database=hr", "an instance is named by its port"},
		{"sqlserver", "sqlserver://a:canary-pass@h", "it names no database"},
		{"sqlserver", "server=.;database=hr;password=canary-pass", "it begins with sqlserver://"},
		{"sqlserver", "sqlserver://a:canary-pass@h?database=hr&encrypt=false", "encrypt is true"},
		{"oracle", example["postgres"], "sql.driver has to be postgres, mysql or sqlserver"},
	} {
		_, err := opened(c.driver, c.url)
		switch e := connector.AsError(err); {
		case c.want == "" && err != nil:
			t.Errorf("%s is refused: %v", c.url, err)
		case c.want != "" && (e == nil || e.Code != connector.Misconfigured || !strings.Contains(e.Message, c.want)):
			t.Errorf("%s: %v does not say %q", c.url, err, c.want)
		case err != nil && strings.Contains(err.Error(), "canary-pass"):
			t.Errorf("%s: the error tells the password: %v", c.url, err)
		}
	}
}

// What a connection string of the drivers' own can say, and what would lead to files, sockets, settings and commands.
func TestQ2ConnectionStringsReachNothingElse(t *testing.T) {
	t.Parallel()
	for driver, parameters := range map[string]string{
		"postgres": "host hostaddr passfile service servicefile sslcert sslkey sslrootcert sslinline sslsni sslnegotiation options krbsrvname krbspn fallback_application_name " +
			"binary_parameters client_encoding default_transaction_read_only search_path session_authorization target_session_attrs load_balance_hosts connect_timeout",
		"mysql": "allowAllFiles allowCleartextPasswords allowFallbackToPlaintext allowOldPasswords multiStatements charset collation interpolateParams serverPubKey " +
			"sql_mode init_connect connectionAttributes parseTime maxAllowedPacket compress loc timeout",
		"sqlserver": "protocol pipe server port failoverpartner failoverport certificate servercertificate hostnameincertificate authenticator krb5-configfile krb5-keytabfile " +
			"krb5-credcachefile serverspn fedauth log columnencryption keystoreauthentication change+password workstation+id applicationintent packet+size",
	} {
		for parameter := range strings.FieldsSeq(parameters) {
			separator := "?"
			if driver == "sqlserver" {
				separator = "&"
			}
			_, err := opened(driver, example[driver]+separator+parameter+"=canary-value")
			if e := connector.AsError(err); e == nil || !strings.Contains(e.Message, "which is not taken") || strings.Contains(e.Message, "canary-value") {
				t.Errorf("%s: %s is not refused: %v", driver, parameter, err)
			}
		}
	}
}

func TestConfigurations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		more []string
		want string
	}{
		"the preset":            {[]string{"sql.preset", "k2sqlum", "sql.usersQuery", ""}, ""},
		"preset and query":      {[]string{"sql.preset", "k2sqlum"}, "Both sql.preset and sql.usersQuery are set."},
		"another preset":        {[]string{"sql.preset", "ldap", "sql.usersQuery", ""}, "sql.preset has to be k2sqlum"},
		"no query":              {[]string{"sql.usersQuery", ""}, "sql.usersQuery is not set."},
		"links without groups":  {[]string{"sql.linksQuery", "SELECT 1"}, "sql.linksQuery is set and sql.groupsQuery is not"},
		"a writing query":       {[]string{"sql.groupsQuery", "DELETE FROM t"}, "sql.groupsQuery cannot be used: a query begins with SELECT or WITH."},
		"a writing watermark":   {[]string{"sql.watermarkQuery", "SELECT 1; DROP TABLE t"}, "sql.watermarkQuery cannot be used: it has more than one statement"},
		"no certificate in PEM": {[]string{"tls.caCertificate", "canary"}, "tls.caCertificate cannot be used"},
	} {
		for driver, url := range example {
			_, err := opened(driver, url, c.more...)
			if e := connector.AsError(err); c.want == "" && err != nil || c.want != "" && (e == nil || e.Code != connector.Misconfigured || !strings.Contains(e.Message, c.want)) {
				t.Errorf("%s, %s: %v does not say %q", driver, name, err, c.want)
			}
		}
	}
	for _, key := range sqldb.Type.ConfigKeys {
		if key.Key == "sql.connectionString" && !key.Secret {
			t.Error("the connection string is no secret")
		}
		if key.Key == "sql.timeout" && (key.Check("0") == nil || key.Check("3601") == nil || key.Check("1h") == nil || key.Check("60") != nil) {
			t.Error("sql.timeout takes something else than seconds up to an hour")
		}
	}
}

func TestN1DatabasesAtPrivateAddresses(t *testing.T) {
	t.Parallel()
	for driver := range example {
		for _, host := range []string{"127.0.0.1", "localhost", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "100.100.100.200"} {
			source, err := opened(driver, strings.Replace(example[driver], "db.example.com", host, 1))
			if err != nil {
				t.Fatal(err)
			}
			err = source.Read(t.Context(), connector.From{}, func(context.Context, connector.Page) error { return nil })
			if e := connector.AsError(err); e == nil || e.Code != connector.Misconfigured || !strings.Contains(e.Message, "is not of the public internet") {
				t.Errorf("%s at %s: %v", driver, host, err)
			}
			source.Check(t.Context(), func(c connector.Check) {
				if c.OK || !strings.Contains(c.Detail, "is not of the public internet") {
					t.Errorf("%s at %s: the check says %+v", driver, host, c)
				}
			})
		}
	}
}

// The variables and files that libpq reads are Roster's own, if they are anybody's.
func TestQ2TheServersOwnFilesAreNotRead(t *testing.T) {
	w := start(t, people)
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, ".postgresql"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".pgpass", ".pg_service.conf", ".postgresql/root.crt", ".postgresql/postgresql.crt", ".postgresql/postgresql.key"} {
		if err := os.WriteFile(filepath.Join(home, name), []byte("*:*:*:*:canary-of-a-file\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range map[string]string{
		"HOME": home, "PGHOST": "/nowhere", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "canary", "PGDATABASE": "nothing", "PGSSLMODE": "verify-full", "PGSERVICE": "none",
		"PGOPTIONS": "-c default_transaction_read_only=off", "PGTARGETSESSIONATTRS": "standby", "PGREALM": "refused by the driver",
	} {
		t.Setenv(name, value)
	}
	// A server that asks for the password in clear learns what it is given.
	asked := make(chan string, 1)
	server := listen(t, func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 1024)); err != nil {
			return
		}
		_, _ = conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3})
		answer := make([]byte, 1024)
		n, _ := conn.Read(answer)
		asked <- string(answer[:n])
	})
	if _, err := w.read(w.source("sql.connectionString", "postgres://reader@"+server+"/hr?sslmode=disable"), connector.From{}); err == nil {
		t.Error("a server that says nothing is read")
	}
	if got := <-asked; strings.Contains(got, "canary") {
		t.Errorf("the server was sent %q", got)
	}
	if _, err := w.read(w.source(), connector.From{}); err != nil {
		t.Error(err)
	}
}

func TestSaysWhatIsWrongWithTheDatabase(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	gone := listen(t, func(net.Conn) {})
	chatty := listen(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "?\x00\x00\x00\x08what") })
	for name, c := range map[string]struct {
		values []string
		code   connector.Code
		want   string
	}{
		"no such database":  {[]string{"sql.connectionString", "postgres://" + userOf(t, w.proxy.URL()) + "@" + hostOf(t, w.proxy.URL()) + "/nothing?sslmode=disable"}, connector.Misconfigured, "has no such database, or not for this account. Look at sql.connectionString. It says: database \"nothing\" does not exist."},
		"no such user":      {[]string{"sql.connectionString", "postgres://nobody:canary-pass@" + hostOf(t, w.proxy.URL()) + "/postgres?sslmode=disable"}, connector.Misconfigured, "does not let the account in. Look at the user and the password in sql.connectionString."},
		"no such host":      {[]string{"sql.connectionString", "postgres://a:canary-pass@nowhere.invalid/hr"}, connector.Unavailable, "The name nowhere.invalid cannot be resolved."},
		"hangs up":          {[]string{"sql.connectionString", "postgres://a:canary-pass@" + gone + "/hr?sslmode=disable"}, connector.Unavailable, "failed or broke off"},
		"no database":       {[]string{"sql.connectionString", "postgres://a:canary-pass@" + chatty + "/hr?sslmode=disable"}, connector.Unavailable, "failed or broke off"},
		"no MySQL":          {[]string{"sql.driver", "mysql", "sql.connectionString", "mysql://a:canary-pass@" + chatty + "/hr"}, connector.Unavailable, "failed or broke off"},
		"no SQL Server":     {[]string{"sql.driver", "sqlserver", "sql.connectionString", "sqlserver://a:canary-pass@" + chatty + "?database=hr"}, connector.Unavailable, "failed or broke off"},
		"no such table":     {[]string{"sql.usersQuery", "SELECT id, username FROM nowhere"}, connector.Misconfigured, `The database does not take the users query. It says: relation "nowhere" does not exist. (sql.usersQuery)`},
		"a missing column":  {[]string{"sql.usersQuery", "SELECT id AS uid, login AS username FROM people"}, connector.Misconfigured, "The users query gives no column id, which is needed; it gives uid, username. Name it by AS id. (sql.usersQuery)"},
		"a doubled column":  {[]string{"sql.usersQuery", "SELECT id, id, login AS username FROM people"}, connector.Misconfigured, "The users query gives the column id twice."},
		"links lack one":    {[]string{"sql.linksQuery", "SELECT team AS group_id FROM seats"}, connector.Misconfigured, "The links query gives no column member_id"},
		"division by zero":  {[]string{"sql.usersQuery", "SELECT 1/(id-2) AS id, login AS username FROM people"}, connector.Misconfigured, "It says: division by zero. (sql.usersQuery)"},
		"two watermarks":    {[]string{"sql.watermarkQuery", "SELECT id FROM people"}, connector.Misconfigured, "The watermark query gives 3 rows, and one is expected."},
		"a wide watermark":  {[]string{"sql.watermarkQuery", "SELECT 1, 2"}, connector.Misconfigured, "The watermark query gives 2 columns, and one value is expected."},
		"not a permitted":   {[]string{"sql.usersQuery", "SELECT usesysid AS id, passwd AS username FROM pg_temp_9.none"}, connector.Misconfigured, "The database does not take the users query."},
		"a killed session":  {[]string{"sql.usersQuery", "SELECT pg_terminate_backend(pg_backend_pid())::text AS id, 'a' AS username"}, connector.Unavailable, "failed or broke off"},
		"with a parameter":  {[]string{"sql.usersQuery", "SELECT id, login AS username FROM people WHERE id = $1"}, connector.Misconfigured, "The users query has parameters, for which there are no values. (sql.usersQuery)"},
		"after the columns": {[]string{"sql.usersQuery", "SELECT 1 AS id, n AS username, 1/(n-3000) AS late FROM generate_series(1, 4000) n"}, connector.Misconfigured, "It says: division by zero."},
	} {
		_, err := w.read(w.source(c.values...), connector.From{})
		if e := connector.AsError(err); e == nil || e.Code != c.code || !strings.Contains(e.Message, c.want) {
			t.Errorf("%s: %v does not say %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}

func TestASilentNetworkEndsARound(t *testing.T) {
	t.Parallel()
	w := start(t, people)
	source := w.source("sql.timeout", "1", "sql.usersQuery", "SELECT n AS id, 'u' || n AS username FROM generate_series(1, 500000) n")
	begun, pages := time.Now(), 0
	err := source.Read(t.Context(), connector.From{}, func(context.Context, connector.Page) error {
		if pages++; pages == 3 {
			w.proxy.Turn(faultproxy.BlackHole)
		}
		return nil
	})
	if connector.AsError(err) == nil {
		t.Errorf("it ends with %v", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}
