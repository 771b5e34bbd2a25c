package sqldb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/dialing"
	"github.com/roster-gateway/roster/internal/outbound"
)

// explain says why a query was not read to its end. What the database says is shown: the query is the admin's own.
func (s *source) explain(q *query, limited context.Context, d *dialer, err error) error {
	if connector.AsError(err) != nil {
		return err
	}
	out := &connector.Error{Code: connector.Misconfigured, Cause: causeOf(err)}
	refused, said := s.dialect.refusal(err)
	switch {
	case d.left.Load() <= 0:
		out.Message = fmt.Sprintf("The %s gives a row of more than %d MiB, which is more than is read of one. Name the columns that are needed instead of all.", q.noun, maxRowBytes>>20)
	case limited.Err() != nil, said && refused.about == aboutTime:
		out.Message = fmt.Sprintf("The %s took more than %d seconds, and was ended. Make it faster, or set %s to more.", q.noun, int(s.timeout.Seconds()), keyTimeout)
	case strings.HasPrefix(err.Error(), "sql: expected "): // arguments; of database/sql
		out.Message = fmt.Sprintf("The %s has parameters, for which there are no values.", q.noun)
	case !said:
		return s.unreachable(limited, err)
	case refused.about == aboutWriting:
		out.Message = fmt.Sprintf("The %s would change something in the database, which a query may not. The database says: %s.", q.noun, sentence(refused.said))
	case refused.about == aboutPermission:
		out.Message = fmt.Sprintf("The account may not read what the %s names. Grant it SELECT. The database says: %s.", q.noun, sentence(refused.said))
	case refused.about == aboutStatement:
		out.Message = fmt.Sprintf("The database does not take the %s. It says: %s.", q.noun, sentence(refused.said))
	default:
		out.Code, out.Message = connector.Unavailable, fmt.Sprintf("The database broke the %s off. It says: %s.", q.noun, sentence(refused.said))
	}
	out.Message += " (" + q.key + ")"
	return out
}

// unreachable says why there is no connection, or none any more.
func (s *source) unreachable(ctx context.Context, err error) error {
	if connector.AsError(err) != nil {
		return err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	refused, said := s.dialect.refusal(err)
	at, text := s.at.address(), err.Error()
	explain := func(code connector.Code, format string, args ...any) error {
		return &connector.Error{Code: code, Message: fmt.Sprintf(format, args...), Cause: causeOf(err)}
	}
	switch {
	case said && refused.about == aboutSignIn:
		return explain(connector.Misconfigured, "The database at %s does not let the account in. Look at the user and the password in %s. It says: %s.", at, keyConnection, sentence(refused.said))
	case said && refused.about == aboutDatabase:
		return explain(connector.Misconfigured, "The server at %s has no such database, or not for this account. Look at %s. It says: %s.", at, keyConnection, sentence(refused.said))
	case said:
		return explain(connector.Unavailable, "The database at %s serves nobody at the moment. It says: %s.", at, sentence(refused.said))
	case errors.Is(err, errNoTLS), errors.Is(err, mysql.ErrNoTLS), strings.Contains(text, "server does not support encryption"):
		return explain(connector.Misconfigured, "The database at %s speaks no TLS. Set it up there. Where the network is trusted, say in %s that it is not wanted: %s.", at, keyConnection, s.dialect.parameterHelp)
	case strings.HasPrefix(text, "TLS Handshake failed: "): // SQL Server's driver tells of it as text alone
		return explain(connector.Misconfigured, "No TLS connection to %s comes off: %s. If its certificate comes from an authority of your own, set %s.", at, sentence(text[len("TLS Handshake failed: "):]), connector.CACertificate.Key)
	}
	return dialing.Unreachable(s.at.host, err)
}

// causeOf is an error as the log may have it.
func causeOf(err error) error { return errors.New(outbound.Printable(err.Error())) }

// sentence is what a database says, without the full stop.
func sentence(said string) string { return strings.TrimRight(outbound.Printable(said), ". ") }
