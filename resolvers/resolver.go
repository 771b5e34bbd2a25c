// Package resolvers answers GraphQL operations: it calls the directory or access and shapes the answer. Who may do what
// is decided for the whole operation before any resolver runs, by access.Rules.
package resolvers

import (
	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/audit"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph"
	"github.com/roster-gateway/roster/syncer"
)

// Resolver is the root of every resolver.
type Resolver struct {
	Directory *directory.Directory
	Access    *access.Service
	// Provisioning is what SCIM clients did.
	Provisioning *directory.ProvisioningLog
	// Audit is who changed what.
	Audit audit.Store
	// Sync synchronizes instances with their sources.
	Sync *syncer.Service
	// PublicURL is where clients reach the server, without a trailing slash; Tenant URLs begin with it.
	PublicURL string
}

// NewSchema returns the schema with its resolvers, ready for an executor that uses [Extensions] and [Present].
func NewSchema(r *Resolver) graphql.ExecutableSchema {
	return graph.NewExecutableSchema(graph.Config{Resolvers: r})
}

// Extensions are what every executor of the schema has to use, in this order: authorization before execution, the
// end of streams, the revision of a response's writes, and its reads.
func Extensions(r *Resolver) []graphql.HandlerExtension {
	return []graphql.HandlerExtension{authorization{}, ends{}, revisions{}, operationReads{r}}
}
