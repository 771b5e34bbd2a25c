// Package resolvers answers GraphQL operations: it authorizes, calls the directory or access, and shapes the answer.
package resolvers

// Resolver is the root of every resolver.
type Resolver struct{}
