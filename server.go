// Command roster is a GraphQL identity gateway: users, groups and roles come in by SCIM, answers about them go out by
// GraphQL. This file says what it is made of; internal/command starts and stops it.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/access"
	"github.com/roster-gateway/roster/access/issuer"
	"github.com/roster-gateway/roster/audit"
	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/activedirectory"
	"github.com/roster-gateway/roster/connector/azuread"
	"github.com/roster-gateway/roster/connector/sharepoint"
	"github.com/roster-gateway/roster/connector/sqldb"
	"github.com/roster-gateway/roster/console"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/command"
	"github.com/roster-gateway/roster/internal/command/front"
	"github.com/roster-gateway/roster/internal/config"
	"github.com/roster-gateway/roster/internal/graphqlhttp"
	"github.com/roster-gateway/roster/internal/outbound"
	"github.com/roster-gateway/roster/internal/ratelimit"
	"github.com/roster-gateway/roster/internal/telemetry"
	"github.com/roster-gateway/roster/resolvers"
	"github.com/roster-gateway/roster/resolvers/plan"
	"github.com/roster-gateway/roster/scim"
	"github.com/roster-gateway/roster/scim/schema"
	"github.com/roster-gateway/roster/syncer"
)

func main() { os.Exit(command.Main(gateway)) }

// gateway wires what answers requests: SCIM and GraphQL both stand on the directory, which stands on the store.
func gateway(p command.Parts) (command.Gateway, error) {
	types, err := resourceTypes(p.Settings.SCIMSchemas)
	if err != nil {
		return command.Gateway{}, err
	}
	options := append(scim.DirectoryOptions(types), directory.WithSealer(p.Sealer), directory.WithLog(p.Log))
	sources := sourceTypes()
	for _, source := range sources {
		options = append(options, directory.WithProviderType(source.ProviderType))
	}
	people := directory.New(p.Store, options...)
	issuers, err := trustedIssuers(p.Settings.OIDC)
	if err != nil {
		return command.Gateway{}, err
	}
	tokens := access.New(p.Store, access.Config{AdminToken: p.Settings.AdminToken.Reveal(), Issuers: issuers, People: people, Log: p.Log})
	if err := people.HoldInMemory(p.Background, p.Store, p.Settings.CacheSize); err != nil {
		return command.Gateway{}, err
	}
	if err := tokens.HoldInMemory(p.Background, people); err != nil {
		return command.Gateway{}, err
	}
	go tokens.Keep(p.Background)
	go people.WatchGrowth(p.Background, p.Store)
	go people.Reevaluate(p.Background, p.Store, reevaluator(types))
	go people.KeepHouse(p.Background, p.Store, directory.Retention{
		Changes: p.Settings.ChangeRetention, Tombstones: p.Settings.TombstoneRetention, Provisioning: p.Settings.ProvisioningLogRetention,
		Synchronization: p.Settings.SyncRetention, Audit: p.Settings.AuditRetention,
	})
	go audit.KeepSealing(p.Background, p.Store, p.Log)
	p.Store.Hints(p.Background, p.Log, people.Wake)
	provisioning := directory.NewProvisioningLog(p.Store, p.Log)
	go provisioning.Run(p.Background)
	synchronization := syncer.New(p.Store, people, syncer.Config{
		Types: sources, Opener: p.Sealer, AllowPrivate: p.Settings.AllowPrivateSources, Log: p.Log,
	})
	go synchronization.Work(p.Background)

	root := &resolvers.Resolver{Directory: people, Access: tokens, Provisioning: provisioning, Audit: p.Store, Sync: synchronization, PublicURL: p.PublicURL}
	answers, limits := p.Tracing.Schema(plan.NewSchema(resolvers.NewSchema(root), people)), graphQLLimits(p.Settings.Limits)
	operations, err := listedOperations(p.Settings.GraphQLOperations, answers, limits)
	if err != nil {
		return command.Gateway{}, err
	}
	proxies, err := p.Settings.ProxyNetworks()
	if err != nil {
		return command.Gateway{}, err
	}
	wrong, spend := ratelimit.NewWrongTokens(p.Settings.MaxWrongTokens, proxies), spender(p.Settings.Limits)
	graphQL := graphqlhttp.NewHandler(answers, graphqlhttp.Config{
		Limits:        limits,
		Operations:    operations,
		Unlisted:      administers,
		Weigh:         resolvers.Weigh,
		Log:           p.Log,
		Present:       resolvers.Present,
		Headers:       resolvers.Headers,
		Extensions:    p.Tracing.Extensions(append(resolvers.Extensions(root), p.Metrics.Operations())...),
		Failed:        telemetry.NoteError,
		Deadline:      p.Settings.RequestTimeout,
		Caller:        access.Caller,
		Spend:         spend,
		Introspection: func(ctx context.Context) bool { return !p.Settings.Production || administers(ctx) },
		RequestID:     telemetry.RequestID,
		Stopping:      p.Stopping,
	})
	push := scim.NewHandler(people, tokens, scim.Config{
		PublicURL: p.PublicURL, MaxBody: p.Settings.SCIMMaxBody, Registry: types, Log: p.Log, Events: provisioning,
		Wrong: wrong.Count, Spend: spend,
	})

	return command.Gateway{
		Handlers: front.Handlers{
			GraphQL: graphQL,
			SCIM:    push,
			Console: console.Handler(),
			Wall:    tokens.Middleware,
			Wrong:   wrong.Count,
			Await:   people.Await,
			Ping:    p.Store.Ping,
		},
		Bootstrap:      tokens.Bootstrap,
		ExpiringTokens: tokens.Expiring,
		Replica:        people.ReplicaStats,
		Provisioning:   provisioning,
		WriteUses:      tokens.WriteUses,
		Sync:           synchronization,
	}, nil
}

// resourceTypes are the built-in SCIM schemas and resource types, and those in the files of a folder; empty is none.
func resourceTypes(folder string) (*schema.Registry, error) {
	if folder == "" {
		return schema.Default(), nil
	}
	types, err := schema.Load(os.DirFS(folder))
	if err != nil {
		return nil, fmt.Errorf("the schemas in ROSTER_SCIM_SCHEMAS cannot be used: %w", err)
	}
	return types, nil
}

// listedOperations are the texts of a file or folder; nil, where there is none, lets everything be run.
func listedOperations(path string, schema graphql.ExecutableSchema, limits graphqlhttp.Limits) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	texts, err := graphqlhttp.ReadOperations(path, schema, limits)
	if err != nil {
		return nil, fmt.Errorf("the operations of ROSTER_GRAPHQL_OPERATIONS cannot be used: %w", err)
	}
	return texts, nil
}

func administers(ctx context.Context) bool { return access.PrincipalFrom(ctx).Administers() }

// spender takes what requests cost from the budgets of their tokens; nil where these have none.
func spender(l config.Limits) func(context.Context, http.Header, int64) error {
	budgets := ratelimit.NewBudgets(l.RateLimit, l.RateBurst)
	if budgets == nil {
		return nil
	}
	return func(ctx context.Context, header http.Header, cost int64) error {
		return budgets.Spend(header, access.Caller(ctx), cost)
	}
}

// graphQLLimits are the limits of the configuration, and defaults beside them.
func graphQLLimits(l config.Limits) graphqlhttp.Limits {
	limits := graphqlhttp.DefaultLimits()
	limits.Body, limits.Tokens, limits.TotalSelections = l.GraphQLMaxBody, l.GraphQLMaxTokens, l.GraphQLMaxSelections
	limits.Aliases, limits.Depth, limits.Cost = l.GraphQLMaxAliases, l.GraphQLMaxDepth, l.GraphQLMaxCost
	limits.CachedQueries = l.GraphQLQueryCache
	limits.Subscriptions, limits.SubscriptionsPerCaller = l.MaxSubscriptions, l.MaxSubscriptionsPerToken
	return limits
}

// trustedIssuers are those whose access tokens are taken: the one of the variables, and those of the file.
func trustedIssuers(s config.OIDC) ([]access.Issuer, error) {
	var out []access.Issuer
	if s.OIDCIssuer != "" {
		out = append(out, access.Issuer{URL: s.OIDCIssuer, Audience: s.OIDCAudience, Grants: access.SCIMGrants(s.OIDCSCIMScope), CAFile: s.OIDCCAFile})
	}
	if s.OIDCIssuers != "" {
		text, err := os.ReadFile(s.OIDCIssuers)
		if err != nil {
			return nil, fmt.Errorf("the file of ROSTER_OIDC_ISSUERS cannot be read: %w", err)
		}
		listed, err := access.ReadIssuers(text)
		if err != nil {
			return nil, fmt.Errorf("the file of ROSTER_OIDC_ISSUERS does not do: %w", err)
		}
		out = append(out, listed...)
	}
	for i := range out {
		client, err := outbound.NewClient(outbound.Config{CAFile: out[i].CAFile, Timeout: issuer.FetchLimit, MaxAnswer: issuer.MaxKeySet})
		if err != nil {
			return nil, fmt.Errorf("the CA file of the issuer %s: %w", out[i].URL, err)
		}
		out[i].Client = client
	}
	return out, access.CheckIssuers(out)
}

// sourceTypes are the kinds of source that are read, with the configuration that every one of them takes.
func sourceTypes() []connector.Type {
	types := []connector.Type{activedirectory.Type, azuread.Type, sharepoint.Type, sqldb.Type}
	for i := range types {
		types[i].ConfigKeys = append(slices.Clip(types[i].ConfigKeys), syncer.ConfigKeys()...)
		types[i].Schedule = syncer.DefaultSchedule
	}
	return types
}

// reevaluator brings identities up to date with settings that have changed.
func reevaluator(types *schema.Registry) func(*directory.Instance, []*directory.Record) (directory.Changes, error) {
	pushed := scim.Reevaluator(types)
	return func(i *directory.Instance, records []*directory.Record) (directory.Changes, error) {
		if i.Provider.Type == directory.TypeSCIM {
			return pushed(i, records)
		}
		return syncer.Reevaluate(i, records)
	}
}
