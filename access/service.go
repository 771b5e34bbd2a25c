package access

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// Store is what access needs from storage. Tokens come with their instance and its provider as they are now.
type Store interface {
	// TokenByHash finds a token, revoked and expired ones too; nil where there is none.
	TokenByHash(ctx context.Context, hash Hash) (*Token, error)
	// LiveTokens lists every token that is not revoked, by its hash.
	LiveTokens(ctx context.Context) (map[Hash]*Token, error)
	// TokensByUID finds tokens that are not revoked, in the order of their ids, nil where there is none.
	TokensByUID(ctx context.Context, uids []uuid.UUID) ([]*Token, error)
	// Tokens lists tokens that are not revoked, after an id and in id order.
	Tokens(ctx context.Context, after int64, limit int) ([]*Token, error)
	CountTokens(ctx context.Context) (int, error)
	// InsertToken stores a token under the hash of its secret. ID and CreatedAt are the store's.
	InsertToken(ctx context.Context, t Token, hash Hash, a directory.Audit) (*Token, error)
	// InsertFirstToken is InsertToken where no token but SCIM tokens was ever stored; else it stores nothing and returns nil.
	InsertFirstToken(ctx context.Context, t Token, hash Hash, a directory.Audit) (*Token, error)
	// AnyLiveToken reports whether a token that is no SCIM token is neither revoked nor expired.
	AnyLiveToken(ctx context.Context, now time.Time) (bool, error)
	// RevokeToken reports whether there was such a token that was not revoked.
	RevokeToken(ctx context.Context, uid uuid.UUID, at time.Time, a directory.Audit) (bool, error)
	// RotateToken is InsertToken for the successor of a token, which ends at until unless it ends before. Where there is none that
	// is live now it stores nothing and returns nil.
	RotateToken(ctx context.Context, old uuid.UUID, now, until time.Time, t Token, hash Hash, a directory.Audit) (*Token, error)
	// NoteUses notes when tokens were used last, unless a later use is noted already.
	NoteUses(ctx context.Context, ids []int64, at []time.Time) error

	Providers(ctx context.Context) ([]*directory.Provider, error)
	Instances(ctx context.Context) ([]*directory.Instance, error)
}

// People knows who may act.
type People interface {
	// Act finds the user whom a token stands for, or refuses with CodeForbidden who is not known or not active.
	Act(ctx context.Context, who directory.Acting) (*directory.Record, error)
	// ActStill refuses a user who may act no more.
	ActStill(ctx context.Context, uid uuid.UUID) error
}

// Config are the settings of a [Service].
type Config struct {
	// AdminToken is a token with [AdminScopes] that is configured, not stored; empty for none.
	AdminToken string
	// Issuers are those whose access tokens are taken, see [Service.InstanceAt] for SCIM.
	Issuers []Issuer
	// People finds whom the tokens of issuers stand for; nil where no issuer's settings ask.
	People People
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log takes what an operator should know; nil is the default logger.
	Log *slog.Logger
}

// Service knows the access tokens. It is safe for concurrent use.
type Service struct {
	store Store
	admin *Hash
	// issuers are the issuers by their names.
	issuers map[string]trusted
	people  People
	now     func() time.Time
	log     *slog.Logger
	// held are the tokens in memory, nil where each is looked up in the store.
	held    atomic.Pointer[heldTokens]
	replica Replica
	uses    uses
	// warned is when the log told of the end of a token.
	warned map[uuid.UUID]time.Time
}

// New returns a Service over a store.
func New(store Store, cfg Config) *Service {
	s := &Service{store: store, people: cfg.People, now: cfg.Now, log: cfg.Log, warned: map[uuid.UUID]time.Time{}}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.issuers = trust(cfg.Issuers, s.now)
	if cfg.AdminToken != "" {
		hash := HashOf(cfg.AdminToken)
		s.admin = &hash
	}
	return s
}
