// Package config holds every setting of Roster. The struct tags are the one place that names a setting's flag, its
// environment variable, its default and its meaning: the help text and docs/configuration.md are made from them.
package config

import "time"

// Settings are the settings of a command that serves.
type Settings struct {
	Listening `embed:"" group:"Listening"`
	Database  `embed:"" group:"Database"`
	Access    `embed:"" group:"Access"`
	Secrets   `embed:"" group:"Access"`
	OIDC      `embed:"" group:"OpenID Connect"`
	SCIM      `embed:"" group:"SCIM"`
	Sources   `embed:"" group:"Sources"`
	GraphQL   `embed:"" group:"GraphQL"`
	Limits    `embed:"" group:"Limits"`
	Log       `embed:"" group:"Log"`
}

// Listening says where requests arrive.
type Listening struct {
	Listen           string        `env:"ROSTER_LISTEN" default:"127.0.0.1:8080" placeholder:"${default}" help:"Address and port to listen on. Port 0 takes a free one."`
	ManagementListen string        `env:"ROSTER_MANAGEMENT_LISTEN" placeholder:"ADDRESS" help:"Address and port of a listener apart that answers /metrics and /health/ alone; the other one then answers no /metrics. Default: none."`
	TLSCertFile      string        `env:"ROSTER_TLS_CERT_FILE" name:"tls-cert-file" placeholder:"FILE" help:"File with the TLS certificate (PEM), its chain behind it, with which Roster serves https on its listeners. Changed files are taken up within 10 s, without a restart. Default: none, and TLS ends in front of Roster."`
	TLSKeyFile       string        `env:"ROSTER_TLS_KEY_FILE" name:"tls-key-file" placeholder:"FILE" help:"File with the private key (PEM) of that certificate."`
	PublicURL        string        `env:"ROSTER_PUBLIC_URL" placeholder:"URL" help:"Address under which clients reach Roster, used in the links that it gives out. Default: http:// (with a certificate https://) and the listening address."`
	DrainGrace       time.Duration `env:"ROSTER_DRAIN_GRACE" default:"1s" placeholder:"${default}" help:"How long Roster goes on serving after a stop signal while /health/ready already answers 503, so that load balancers notice: 0s to 5s."`
}

// Database says where the data is.
type Database struct {
	DatabaseURL              Secret        `env:"ROSTER_DATABASE_URL" placeholder:"URL" help:"Postgres database to use (postgres://user:password@host:port/name), version 14 or newer. Default: Roster runs its own Postgres in the data folder."`
	DatabaseURLFile          string        `env:"ROSTER_DATABASE_URL_FILE" placeholder:"FILE" help:"File that holds the database URL, instead of the URL itself."`
	DatabaseMaxConns         int           `env:"ROSTER_DATABASE_MAX_CONNS" default:"20" placeholder:"${default}" help:"Connections that Roster opens to the database at most: 2 to 1000."`
	DataDir                  string        `env:"ROSTER_DATA_DIR" placeholder:"FOLDER" help:"Folder of Roster's own Postgres; created if missing. Not used with a database URL. Default: ~/.local/share/roster, for root /var/lib/roster."`
	CacheSize                int64         `env:"ROSTER_CACHE_SIZE" default:"268435456" placeholder:"${default}" help:"Memory for identity records, in bytes, about 700 of which each takes; 0 keeps none. The membership graph is kept in memory besides."`
	ChangeRetention          time.Duration `env:"ROSTER_CHANGE_RETENTION" default:"168h" placeholder:"${default}" help:"How long the change feed reaches back: 1h to 87600h. Cursors and revisions from before are refused as expired."`
	TombstoneRetention       time.Duration `env:"ROSTER_TOMBSTONE_RETENTION" default:"720h" placeholder:"${default}" help:"How long deleted identities can still be told from unknown ones, not shorter than the change retention: up to 87600h. After that their rows are deleted."`
	ProvisioningLogRetention time.Duration `env:"ROSTER_PROVISIONING_LOG_RETENTION" default:"720h" placeholder:"${default}" help:"How long the provisioning log reaches back: 1h to 87600h."`
	SyncRetention            time.Duration `env:"ROSTER_SYNC_RETENTION" default:"2160h" placeholder:"${default}" help:"How long the history of synchronization runs reaches back: 1h to 87600h. The latest run of an instance is kept whatever its age."`
	AuditRetention           time.Duration `env:"ROSTER_AUDIT_RETENTION" default:"8760h" placeholder:"${default}" help:"How long the audit trail reaches back: 24h to 87600h, or 0s for ever."`
	PostgresBin              string        `env:"ROSTER_POSTGRES_BIN" placeholder:"FOLDER" help:"Folder of the programs postgres and initdb for Roster's own Postgres. Default: searched for on this machine."`
}

// Access says who may administer.
type Access struct {
	AdminToken     Secret `env:"ROSTER_ADMIN_TOKEN" placeholder:"TOKEN" help:"Access token with every scope but SCIM, of 12 characters or more where others than this machine reach the address. Without one, the first start makes a token and prints it once. Other users of the machine can see flags: prefer the variable or the file."`
	AdminTokenFile string `env:"ROSTER_ADMIN_TOKEN_FILE" placeholder:"FILE" help:"File that holds the admin token, instead of the token itself."`
}

// Secrets says what guards secrets.
type Secrets struct {
	SecretsKeyset     string `env:"ROSTER_SECRETS_KEYSET" placeholder:"FILE" help:"File with the keys that secrets of the runtime configuration are encrypted with, the same for all replicas: see roster keyset. Default: secrets-keyset.json in the data folder, made at the first start; with a database URL none, and secrets are refused."`
	SecretsKeysetJSON Secret `env:"ROSTER_SECRETS_KEYSET_JSON" name:"secrets-keyset-json" placeholder:"JSON" help:"Text of that file, instead of the file: prefer the variable, as other users of the machine can see flags. Changes count from the next start."`
}

// OIDC says whose access tokens are taken, besides Roster's own.
type OIDC struct {
	OIDCIssuers   string `env:"ROSTER_OIDC_ISSUERS" name:"oidc-issuers" placeholder:"FILE" help:"JSON file with OpenID Connect issuers whose access tokens (JWTs) are taken in GraphQL and on SCIM, and what their claims allow: see docs/access.md. Default: none."`
	OIDCIssuer    string `env:"ROSTER_OIDC_ISSUER" name:"oidc-issuer" placeholder:"URL" help:"One more issuer, whose access tokens are taken on SCIM under /tokens/ alone, spelt as in its tokens. https, or http on this machine. Default: none."`
	OIDCAudience  string `env:"ROSTER_OIDC_AUDIENCE" name:"oidc-audience" placeholder:"TEXT" help:"Audience (aud) that these tokens must be for: what clients ask the issuer for as their resource. Required with an issuer."`
	OIDCSCIMScope string `env:"ROSTER_OIDC_SCIM_SCOPE" name:"oidc-scim-scope" placeholder:"TEXT" help:"Scope (scope or scp) that these tokens must carry. Default: the audience, and /write."`
	OIDCCAFile    string `env:"ROSTER_OIDC_CA_FILE" name:"oidc-ca-file" placeholder:"FILE" help:"File with CA certificates (PEM) that are trusted for the issuer beside the system's."`
}

// SCIM says what provisioning clients find beside users and groups.
type SCIM struct {
	SCIMSchemas string `env:"ROSTER_SCIM_SCHEMAS" name:"scim-schemas" placeholder:"FOLDER" help:"Folder of JSON files with schemas and resource types (RFC 7643 sections 7 and 6) that are added to the built-in ones: see docs/scim-schemas.md. Default: none."`
}

// Sources says which sources may be synchronized with.
type Sources struct {
	AllowPrivateSources bool `env:"ROSTER_ALLOW_PRIVATE_SOURCES" help:"Allow sources at addresses that are not of the public internet: private, loopback and link-local ones. Without it they are refused, so that nobody who configures a source reaches what only the server can reach."`
}

// Limits bounds what clients may ask for. docs/limits.md says how what is over a limit is answered.
type Limits struct {
	RequestTimeout           time.Duration `env:"ROSTER_REQUEST_TIMEOUT" default:"10s" placeholder:"${default}" help:"Time that one request may take, from its headers on, before it is given up: 100ms to 5m. Subscriptions are not bounded by it."`
	MaxHeader                int           `env:"ROSTER_MAX_HEADER" default:"32768" placeholder:"${default}" help:"Largest header of a request, in bytes: 4096 to 1048576."`
	GraphQLMaxBody           int64         `env:"ROSTER_GRAPHQL_MAX_BODY" name:"graphql-max-body" default:"1048576" placeholder:"${default}" help:"Largest GraphQL request body, in bytes: 1024 to 16777216."`
	SCIMMaxBody              int64         `env:"ROSTER_SCIM_MAX_BODY" name:"scim-max-body" default:"8388608" placeholder:"${default}" help:"Largest SCIM request body, in bytes: 65536 to 67108864."`
	GraphQLMaxTokens         int           `env:"ROSTER_GRAPHQL_MAX_TOKENS" name:"graphql-max-tokens" default:"2000" placeholder:"${default}" help:"Words and signs that a query may hold: 100 to 20000. What validation takes grows with their square."`
	GraphQLMaxSelections     int           `env:"ROSTER_GRAPHQL_MAX_SELECTIONS" name:"graphql-max-selections" default:"1000" placeholder:"${default}" help:"Fields and fragments that a query may select: 10 to 10000. One selection set may hold 200 of them."`
	GraphQLMaxAliases        int           `env:"ROSTER_GRAPHQL_MAX_ALIASES" name:"graphql-max-aliases" default:"200" placeholder:"${default}" help:"Fields that a query may rename: 1 to 10000."`
	GraphQLMaxDepth          int           `env:"ROSTER_GRAPHQL_MAX_DEPTH" name:"graphql-max-depth" default:"32" placeholder:"${default}" help:"Fields between the root of a query and its deepest leaf: 15 to 100. Tools that read the schema need 15."`
	GraphQLMaxCost           int64         `env:"ROSTER_GRAPHQL_MAX_COST" name:"graphql-max-cost" default:"250000" placeholder:"${default}" help:"Cost that an operation may have, which is about the number of objects in its answer: 100 to 100000000."`
	GraphQLQueryCache        int           `env:"ROSTER_GRAPHQL_QUERY_CACHE" name:"graphql-query-cache" default:"1000" placeholder:"${default}" help:"Query texts that are kept parsed, and texts that clients persisted: 1 to 100000 of each. Texts take 2 MiB at most, whatever the number."`
	MaxSubscriptions         int           `env:"ROSTER_MAX_SUBSCRIPTIONS" default:"1000" placeholder:"${default}" help:"Event streams that may be open at once: 1 to 100000."`
	MaxSubscriptionsPerToken int           `env:"ROSTER_MAX_SUBSCRIPTIONS_PER_TOKEN" default:"200" placeholder:"${default}" help:"Event streams of one access token that may be open at once: 1 to 100000."`
	RateLimit                int64         `env:"ROSTER_RATE_LIMIT" default:"0" placeholder:"${default}" help:"Cost that the requests of one access token may have a second, in the long run: 1 to 10000000; 0 sets no limit. A GraphQL operation has its cost, a SCIM request 1, a bulk request 1 more for each operation."`
	RateBurst                int64         `env:"ROSTER_RATE_BURST" default:"0" placeholder:"${default}" help:"Cost that they may have at once, up to 100000000; 0 is that of ten seconds."`
	MaxWrongTokens           int64         `env:"ROSTER_MAX_WRONG_TOKENS" default:"300" placeholder:"${default}" help:"Requests with a wrong token that one address, or IPv6 network of 64 bits, may send a minute before they are answered 429: 1 to 1000000; 0 sets no limit. Good tokens are let in from there all the same."`
	TrustedProxies           []string      `env:"ROSTER_TRUSTED_PROXIES" placeholder:"NETWORKS" help:"Networks of the proxies in front of Roster, such as 10.0.0.0/8,192.0.2.7: what they say in X-Forwarded-For is taken for a client's address. Default: the address that the connection comes from."`
}

// GraphQL says what callers without an admin scope may do with GraphQL beside what their token allows.
type GraphQL struct {
	Production        bool   `env:"ROSTER_PRODUCTION" help:"Production mode: only tokens with an admin scope may read the schema (introspection), and are told names that they may have meant."`
	GraphQLOperations string `env:"ROSTER_GRAPHQL_OPERATIONS" name:"graphql-operations" placeholder:"PATH" help:"File, or folder of files, with the operations that are run (*.graphql, or *.json as clients' tools write them): others are refused unless the token has an admin scope. Default: every operation is run."`
}

// Log says what is written to standard error.
type Log struct {
	LogLevel  string `env:"ROSTER_LOG_LEVEL" default:"${log_level}" enum:"debug,info,warn,error" placeholder:"${default}" help:"Least severe messages to log: debug, info, warn or error."`
	LogFormat string `env:"ROSTER_LOG_FORMAT" default:"auto" enum:"auto,text,json" placeholder:"${default}" help:"Form of the log on standard error: text, json, or auto (text on a terminal, otherwise json)."`
}
