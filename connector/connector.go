// Package connector says what a source of identities is. A connector reads one, page by page, and writes nothing: what
// becomes of the pages is the synchronization's, in package syncer.
package connector

import (
	"context"
	"log/slog"

	"github.com/roster-gateway/roster/directory"
)

// Type is a kind of source: what its instances are configured with, and how one of them is opened.
type Type struct {
	directory.ProviderType
	// Open checks a configuration as a whole and makes what reads the source. It sends nothing yet. Its errors are
	// of [Misconfigured].
	Open func(Config) (Source, error)
}

// Config is what an instance is configured with.
type Config struct {
	// Values are the runtime configuration by key, secrets in clear.
	Values map[string]string
	// AllowPrivate allows addresses that are not of the public internet.
	AllowPrivate bool
	Log          *slog.Logger
}

// Source is one source, opened. It is used by one run at a time.
type Source interface {
	// Read reads a round to its end and hands over its pages in their order. An error of stage ends the round, and comes
	// back as it is.
	//
	// A round without a state is a full one: it tells all there is. One with a state tells what has changed since
	// that round. Either may tell things twice, out of order, or stale by the time that it ends, as long as the
	// next round corrects it.
	Read(ctx context.Context, from From, stage func(context.Context, Page) error) error

	// Lookup reads one identity with its links, by its key or, where that is empty, by its name. It returns nil where the
	// source has none.
	Lookup(ctx context.Context, kind directory.IdentityKind, key, name string) (*Page, error)

	// Check tries the source step by step, from the resolution of its name to the reading of a sample, and reports
	// each step. It ends at the first one that fails and those after it need.
	Check(ctx context.Context, report func(Check))
}

// From is where a round begins.
type From struct {
	// State is the [End.State] of the last round; nil for a full round.
	State []byte
	// Resume is the [Page.Resume] of the last page of this round that was kept; nil at its beginning.
	Resume []byte
}

// Page is a part of a round. All of it is kept, or nothing.
type Page struct {
	Identities []Identity
	Links      []Link
	// Failures are things at the source that cannot be taken over.
	Failures []Failure
	// Resume leads to the page after this one; opaque.
	Resume []byte
	// End is set on the last page of a round.
	End *End
}

// End is what a round comes to.
type End struct {
	// State is what the next round begins with; nil where the source can only be read whole. Opaque.
	State []byte
}

// Identity is what a source tells about one user or group.
type Identity struct {
	Kind directory.IdentityKind
	// Key is the source's own immutable id (rule R06).
	Key string
	// Removal says that it has gone. Attributes are nil then.
	Removal Removal
	// Attributes are an RFC 7396 merge patch of SCIM attributes (RFC 7643 section 4) such as userName, name.givenName,
	// displayName, emails, active and description, without members; what SCIM has no name for keeps the source's. What
	// is absent is left alone; null clears. In a full round the patch is one of nothing.
	//
	// The name of a user is userName, that of a group displayName. Nothing but active: false disables.
	Attributes map[string]any
	// PartialLinks says that its links were not read whole: none that this round does not tell may be removed.
	PartialLinks bool
}

// Removal says how an identity has gone from its source.
type Removal int

// The removals. What is removed softly can be restored there, and keeps its links.
const (
	Present Removal = iota
	Soft
	Gone
)

// Link is one link of an owner, told or taken back.
type Link struct {
	Type LinkType
	// OwnerKind and OwnerKey name the group whose member Other is, or the user whose manager Other is.
	OwnerKind directory.IdentityKind
	OwnerKey  string
	Other     Ref
	Removed   bool
}

// LinkType tells the kinds of links apart.
type LinkType string

// The types of links.
const (
	Member  LinkType = "member"
	Manager LinkType = "manager"
)

// Ref names the other end of a link, which may not be known yet.
type Ref struct {
	// Provider is the label of another provider that the identity belongs to; empty: the instance's own.
	Provider string
	// Kind may be empty where the source does not tell it.
	Kind directory.IdentityKind
	// Key is the identity's key at its source. Where it is empty, Name is its user name or the name of the group.
	Key, Name string
}

// Failure is one thing at the source that cannot be taken over.
type Failure struct {
	// Key is what the source calls it: an id or a login name.
	Key     string
	Name    string
	Code    directory.SyncFailureCode
	Message string
}

// Check is one step of trying a source.
type Check struct {
	Name   string
	OK     bool
	Detail string
}
