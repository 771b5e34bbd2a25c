package directory

// SyncFailureCode says why something at a source was not taken over.
type SyncFailureCode string

// The codes of failures. UnmappedPrincipal is what was skipped because it is nobody that Roster links.
const (
	MissingRequired   SyncFailureCode = "MISSING_REQUIRED"
	DuplicateKey      SyncFailureCode = "DUPLICATE_KEY"
	InvalidValue      SyncFailureCode = "INVALID_VALUE"
	UnmappedPrincipal SyncFailureCode = "UNMAPPED_PRINCIPAL"
	SourceError       SyncFailureCode = "SOURCE_ERROR"
)
