package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/lib/pq"

	"github.com/roster-gateway/roster/directory"
)

// lostRace marks an error after which the same transaction may succeed when it is tried again.
type lostRace struct{ cause error }

func (l *lostRace) Error() string { return "lost a race: " + l.cause.Error() }
func (l *lostRace) Unwrap() error { return l.cause }

// uniqueValueKey is the constraint that keeps values unique by their schemas.
const uniqueValueKey = "unique_value_pkey"

// taken says which input a violated constraint is about.
var taken = map[string]*directory.Error{
	"identity_user_name":     directory.Clash(directory.ReasonUniqueness, "userName", "Another user of this provider instance has this userName."),
	"identity_role_name":     directory.Clash(directory.ReasonUniqueness, "name", "A role with this name exists already."),
	"identity_external_id":   directory.Clash(directory.ReasonUniqueness, "externalId", "Another identity of this provider instance has this externalId."),
	"resource_external_id":   directory.Clash(directory.ReasonUniqueness, "externalId", "Another resource of this type has this externalId."),
	uniqueValueKey:           directory.Clash(directory.ReasonUniqueness, "", "Another resource has a value that must be unique."),
	"sync_run_live":          directory.Clash("", "instance", "A synchronization of this instance is under way. Wait for its end, or cancel it."),
	"provider_name":          directory.Clash(directory.ReasonUniqueness, "name", "A provider with this name exists already."),
	"provider_instance_name": directory.Clash(directory.ReasonUniqueness, "name", "This provider has an instance with this name already."),
}

// mapError turns what Postgres and the driver report into errors of the domain. An error that is one already, and
// sql.ErrNoRows, stay as they are.
func mapError(ctx context.Context, err error) error {
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if e := (*directory.Error)(nil); errors.As(err, &e) {
		return err
	}
	if l := (*lostRace)(nil); errors.As(err, &l) {
		return err
	}
	if ctx.Err() != nil {
		return unavailable("The database took too long to answer. Try again.", errors.Join(ctx.Err(), err))
	}
	if p := (*pq.Error)(nil); errors.As(err, &p) {
		return mapPostgres(p)
	}
	if n := net.Error(nil); errors.As(err, &n) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) { // of somebody else who had the connection
		return unavailable("The database cannot be reached. Try again.", err)
	}
	return err
}

func mapPostgres(p *pq.Error) error {
	switch {
	case p.Code == "40001" || p.Code == "40P01": // serialization_failure, deadlock_detected
		return &lostRace{p}
	case p.Code == "23505" && (p.Constraint == "identity_fqn" || p.Constraint == "alias_live" || p.Constraint == "link_one_manager"):
		return &lostRace{p} // the next try sees the row that was there first
	case p.Code == "23505" && taken[p.Constraint] != nil:
		e := *taken[p.Constraint]
		e.Cause = p
		return &e
	case p.Code == "23505" && (p.Constraint == "identity_uid_key" || p.Constraint == "resource_uid_key"):
		// Ids are drawn at random: it was ourselves, whose connection broke before we heard that it was done.
		return unavailable("The connection to the database broke while this was written. Look whether it is there, and try again if it is not.", p)
	case p.Code == "57014": // query_canceled: statement_timeout
		return unavailable("The database took too long to answer. Try again.", p)
	case p.Code.Class() == "08", p.Code.Class() == "53", p.Code.Class() == "57", p.Code == "25P03":
		// connection, resources, operator, idle_in_transaction_session_timeout
		return unavailable("The database cannot serve this now. Try again.", p)
	case p.Code == readOnly:
		return unavailable("The database takes no writes now. Try again later.", p)
	case p.Code == "22P02" || p.Code == "22003": // invalid_text_representation, numeric_value_out_of_range
		return &directory.Error{Code: directory.CodeBadInput, Message: "A value is malformed. Send cursors and revisions back exactly as an answer gave them.", Cause: p}
	case p.Code == "22021" || p.Code == "22P05": // invalid text encoding
		return &directory.Error{Code: directory.CodeBadInput, Message: "The text holds a character that cannot be stored.", Cause: p}
	default:
		return p
	}
}

// readOnly is read_only_sql_transaction: a standby, or a server that is kept from writes.
const readOnly = "25006"

func isReadOnly(err error) bool {
	p := (*pq.Error)(nil)
	return errors.As(err, &p) && p.Code == readOnly
}

func unavailable(message string, cause error) error {
	return &directory.Error{Code: directory.CodeUnavailable, Message: message, Cause: cause}
}

// ignoreDone drops the error of rolling back a transaction that has ended already.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, driver.ErrBadConn) {
		return nil
	}
	return err
}
