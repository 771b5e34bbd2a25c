// Package safety lists the attacks and faults that Roster has an answer to, and holds the list against the tests: each has
// one, named after it. docs/safety.md is made of both.
package safety

// section is a part of the list.
type section struct {
	title string
	rows  []row
}

// row is an attack or a fault, and the answer to it. Its tests are called Test, then its id, then what they show; those of
// faults TestSafety, as domain rules are numbered R01, R02 too.
type row struct{ id, attack, answer string }

// run is a long run that shows a row beyond its tests: a target of the Makefile, and what of its recipe does.
type run struct{ target, recipe, what string }

// runs are the long runs by the rows that they are of.
var runs = map[string][]run{
	"R3":  {{"soak", "-run TestSafetyR -count 1 -timeout 15m -thorough", "each fault, for longer"}},
	"R9":  {{"soak", "./internal/soak", "three replicas, judged by a serial model"}},
	"R12": {{"soak", "-run TestSafetyR -count 1 -timeout 15m -thorough", "twenty moments"}, {"conformance", "-kills=50", "fifty seeds"}},
	"R13": {{"conformance", "-replicas=60s", "for a minute"}},
	"R23": {{"soak", "./internal/soak", "ten minutes of load and faults, of which the test here judges the counts"}},
	"R31": {{"fuzz", "-fuzztime $(FUZZTIME)", "each target for 30 s"}},
}

var sections = []section{
	{"Authentication", []row{
		{"A1", "No credential, on any route", "401 with `WWW-Authenticate`; only health is open; SCIM gets its own error body"},
		{"A2", "A token that is wrong, cut, expired or revoked", "401, the same body for each, and no telling time"},
		{"A3", "An empty, doubled or `null` bearer", "401; the scheme in any case"},
		{"A4", "A start without any way to sign in", "refused: never open"},
		{"A5", "A JWT without a signature, with the wrong sort of key, an unknown key, a key of its own", "401, and nothing is fetched for it"},
		{"A6", "A JWT for somebody else, of somebody else, too early, too late", "401, with 60 s of leeway for clocks"},
		{"A8", "An issuer whose keys are unreachable, slow or endless", "known keys go on, what is fetched is bounded"},
		{"A9", "An issuer that changes its keys", "old and new tokens are taken while both keys are published"},
		{"A10", "A token in the query string", "ignored"},
		{"A11", "A SCIM token on GraphQL, and the other way round", "403"},
		{"A12", "A dump of the tokens", "useless: 256 random bits, kept as SHA-256"},
		{"A14", "Guessing of tokens", "429 with `Retry-After`, for wrong tokens only"},
		{"A16", "Encoded, doubled, dotted and trailing paths", "reach no handler without the wall"},
	}},
	{"Authorization", []row{
		{"Z1", "A reader tries every mutation of the schema; a field without a rule", "FORBIDDEN; the test fails"},
		{"Z2", "Asking for a secret", "no type of the schema has one"},
		{"Z3", "Asking for what is out of the token's scope", "not found"},
		{"Z4", "Reaching out of scope along links, and by counts", "filtered at each hop, counts too"},
		{"Z5", "Nesting what one may change in what one may not", "both ends of an edge are authorized"},
		{"Z6", "Giving away more than one has", "refused"},
		{"Z8", "Another door to the same thing", "one policy serves all"},
		{"Z10", "A stream whose token is revoked", "ends"},
	}},
	{"Isolation of instances", []row{
		{"I1", "A SCIM token of one instance asks for another's resources", "there are none"},
		{"I2", "The same externalId or userName in two instances", "two identities"},
		{"I3", "An externalId that looks like an internal id, or is absurd", "opaque, or 400"},
		{"I4", "Members of another instance", "refused, unless they are allowed"},
		{"I5", "FQNs with separators, other cases and other forms of Unicode", "one canonical form, no silent collision"},
		{"I8", "Groups of the same name", "kept apart by default"},
	}},
	{"Limits of what is sent", []row{
		{"L1", "A body of one byte too many", "413, and memory stays flat"},
		{"L2", "A lying length, endless chunks, a bomb of gzip", "refused"},
		{"L3", "JSON that is deep, doubled, infinite, broken", "400, never 500"},
		{"L5", "A page size of 0, -1, 1,001, 2^31; forged cursors", "an error"},
		{"L6", "Too many keys at once", "an error that names the limit"},
		{"L7", "A group of a million members", "paged, memory bounded"},
		{"L8", "Cycles, self-membership, chains, diamonds", "end, and everybody counts once"},
	}},
	{"GraphQL", []row{
		{"G1", "Ten thousand aliases", "refused, quickly and briefly"},
		{"G2", "A field repeated ten thousand times", "refused, quickly and briefly"},
		{"G3", "A hundred thousand directives", "refused, quickly and briefly"},
		{"G4", "Five thousand levels", "refused, quickly and briefly"},
		{"G5", "Fragments that double", "each is measured once; refused"},
		{"G7", "Cost that hides in fragments", "counted"},
		{"G8", "A batch in an array", "refused"},
		{"G9", "Introspection in production mode", "for those who administer only"},
		{"G11", "Suggestions of names in production mode", "none"},
		{"G12", "A mutation by GET", "405"},
		{"G14", "Forms, plain text, multipart", "415"},
		{"G15", "A persisted query under the wrong hash; many of them", "refused; bounded"},
		{"G18", "Streams without end", "capped"},
		{"G19", "A panic", "masked, with a request id"},
		{"G20", "SQL, addresses, paths or types in errors", "none"},
		{"G21", "A statement for each row", "statements are counted"},
		{"G22", "A client that goes away", "its statement is cancelled"},
		{"G23", "A query that takes too long", "the time budget is kept"},
	}},
	{"SCIM", []row{
		{"S1", "A filter of 16 KB, of 8,000 terms, of 33 levels", "400 at once"},
		{"S2", "A malformed filter", "400, never all rows"},
		{"S4", "Injection and wildcards in filters", "literal"},
		{"S8", "Values in logs", "none"},
		{"S10", "A push or a source that removes everybody", "removals are counted by the guard"},
		{"S11", "Bulk requests without measure", "413 with the limit"},
		{"S12", "A write at a stale version", "412"},
		{"S14", "A changed userName or mail", "the same identity, linked to nobody else"},
	}},
	{"SQL and secrets", []row{
		{"Q1", "Injection in every text argument", "literal"},
		{"Q2", "A query of an SQL source that writes, does not end, is several, or gives too much", "refused by how it is written and by the database, ended in time, capped"},
		{"Q3", "Parentheses, asterisks and NUL in names that LDAP directories are asked for", "escaped; a filter of the configuration is compiled before it is kept"},
		{"Q4", "Quotes and operators in the filters that sources are asked by", "escaped"},
		{"Q5", "A copy of the database", "secrets are encrypted, bound to their row, with keys that can be rotated"},
		{"Q6", "Reading a secret back", "never returned"},
		{"Q7", "Secrets in logs, answers, traces, metrics, the audit trail", "none, shown by canaries"},
		{"Q8", "Printing the configuration", "redacted"},
	}},
	{"Network", []row{
		{"N1", "A source at a private, loopback or metadata address, in odd spellings, by redirect", "refused at the dial, unless allowed"},
		{"N4", "A next link that leads elsewhere", "refused: scheme and host are kept"},
		{"N5", "A source that sends gigabytes, drips, or answers HTML", "bounded, a plain reason, nothing is deleted"},
		{"N6", "Bad TLS at a source", "refused; an own CA is supported"},
		{"N9", "Scripts in the console", "a policy without inline scripts"},
		{"N10", "Names that are markup", "rendered as text"},
	}},
	{"Faults", []row{
		{"R1", "Postgres is killed under load and restarted", "errors that say to try again, recovery within 5 s, nothing wrong"},
		{"R3", "The network swallows the database", "every request ends by its deadline and a second"},
		{"R4", "No connection is free", "503 at once"},
		{"R6", "Transactions that cannot be serialized", "tried again, a bounded number of times"},
		{"R9", "Hints between replicas are lost", "the bound on staleness holds"},
		{"R10", "A cache that is off, tiny or hostile", "the same answers"},
		{"R11", "A crowd that misses the same record", "one load"},
		{"R12", "SIGKILL at any step of a run", "the state of an uninterrupted one"},
		{"R13", "Two replicas start one synchronization", "one runs; who lost the lease writes nothing"},
		{"R14", "A page in the middle fails", "tried again at that page; else the run is partial, and nothing is deleted"},
		{"R15", "The source forgets where it was", "a full round, and nobody is gone in between"},
		{"R16", "One bad object", "listed; the others go on"},
		{"R17", "A source that loses everybody", "quarantined; that very plan is approved or rejected"},
		{"R18", "Everybody disabled, unlinked or renamed", "quarantined likewise"},
		{"R21", "SIGTERM, and a second one", "drained, exit 0; at once"},
		{"R22", "A client that sends or reads slowly", "cut"},
		{"R23", "Load for a long time", "goroutines, descriptors and memory return"},
		{"R25", "Migrations by two at once; a schema of a later version", "one migrates; refused"},
		{"R27", "An audit row that cannot be written", "its change fails"},
		{"R31", "Races and odd inputs", "race detector and fuzz targets are clean"},
	}},
	{"Holes of others", []row{
		{"CVE2025_41115", "A numeric externalId taken for an internal id", "opaque"},
		{"CVE2026_32130", "An encoded path that passes by the wall", "no route"},
		{"CVE2026_9092", "An account found by unverified mail", "never by mail"},
		{"CVE2026_9098", "A disabled provider that a cache still lets in", "disabled at once"},
		{"CVE2026_9099", "A privileged group put under another", "both ends are authorized"},
		{"CVE2026_94000", "Membership without the check of a role", "checked on every way"},
		{"CVE2023_49559", "Directives without measure", "limited"},
		{"CVE2025_32030", "Fragments that expand", "measured once"},
		{"CVE2025_32034", "Fragments that expand within fragments", "measured once"},
	}},
}
