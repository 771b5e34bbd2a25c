package graphqlhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// textHash is the SHA-256 of a query text, by which clients name it.
type textHash [sha256.Size]byte

// persisted are the texts that clients may name by their hash: those that a client has sent beside its hash, as Apollo's
// automatic persisted queries do, and those of the list.
type persisted struct {
	sent *cache[textHash, string]
	list map[textHash]string
}

func newPersisted(limits Limits) *persisted {
	return &persisted{sent: newCache[textHash, string](limits.CachedQueries), list: map[textHash]string{}}
}

func (p *persisted) get(hash textHash) (string, bool) {
	if text, ok := p.list[hash]; ok {
		return text, true
	}
	return p.sent.get(hash)
}

// keep remembers the text of a valid document.
func (p *persisted) keep(hash textHash, text string) {
	if _, listed := p.list[hash]; listed || len(text) > maxCachedText {
		return
	}
	if _, known := p.sent.get(hash); !known {
		p.sent.add(hash, strings.Clone(text), len(text)) // what is kept must not keep the request's body with it
	}
}

// namedHash reads the hash by which a request names its query, nil where it names none. It refuses a hash that is not
// that of the text beside it: who fills the cache decides nothing about what others run.
func namedHash(params *graphql.RawParams) (*textHash, *gqlerror.Error) {
	extension, given := params.Extensions["persistedQuery"]
	if !given || extension == nil {
		return nil, nil
	}
	fields, ok := extension.(map[string]any)
	if !ok {
		return nil, refuse("`extensions.persistedQuery` must be a JSON object or null.")
	}
	if version, ok := fields["version"].(json.Number); !ok || version != "1" {
		return nil, refuse("`extensions.persistedQuery.version` must be 1.")
	}
	text, ok := fields["sha256Hash"].(string)
	hash := textHash{}
	if n, err := hex.Decode(hash[:], []byte(text[:min(len(text), 2*len(hash))])); !ok || err != nil || n < len(hash) || len(text) > 2*len(hash) {
		return nil, refuse("`extensions.persistedQuery.sha256Hash` must be the SHA-256 of the query, as 64 hexadecimal digits.")
	}
	if params.Query != "" && hash != sha256.Sum256([]byte(params.Query)) {
		return nil, refuse("`extensions.persistedQuery.sha256Hash` is not the SHA-256 of the query that was sent with it.")
	}
	return &hash, nil
}

// notPersisted asks a client for the text. The words and the code are those that Apollo's clients look for.
func notPersisted() *gqlerror.Error {
	return coded("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
}
