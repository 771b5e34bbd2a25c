package resolvers

import (
	"context"
	"errors"
	"log/slog"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph/model"
)

// userErrorCodes are the failures that a mutation's payload tells; every other one is an error of the operation.
var userErrorCodes = map[directory.Code]model.UserErrorCode{
	directory.CodeBadInput:    model.UserErrorCodeInvalid,
	directory.CodeNotFound:    model.UserErrorCodeNotFound,
	directory.CodeConflict:    model.UserErrorCodeConflict,
	directory.CodeUnavailable: model.UserErrorCodeUnavailable,
}

// settle splits what a mutation came to: failures of business for its payload, with their field under the argument
// input, and the error of an operation that failed.
func settle(ctx context.Context, err error) ([]*model.UserError, error) {
	var known *directory.Error
	if !errors.As(err, &known) {
		return []*model.UserError{}, err
	}
	code, ok := userErrorCodes[known.Code]
	if !ok {
		return nil, err
	}
	if known.Code == directory.CodeUnavailable && known.Cause != nil {
		slog.WarnContext(ctx, "a GraphQL mutation failed", "code", known.Code, "error", err)
	}
	e := &model.UserError{Code: code, Message: known.Message}
	if len(known.Field) > 0 {
		e.Field = known.At("input").Field
	}
	return []*model.UserError{e}, nil
}
