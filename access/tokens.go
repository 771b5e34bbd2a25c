package access

import (
	"context"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// tokenList names the list of tokens in its cursors.
const tokenList = "accessTokens"

// Tokens pages through the tokens that are not revoked, the oldest first.
func (s *Service) Tokens(args directory.PageArgs) (*TokenConnection, error) {
	if err := directory.CheckFirst(args.First); err != nil {
		return nil, err
	}
	after, err := directory.AfterID(tokenList, args.After)
	if err != nil {
		return nil, err
	}
	return directory.NewPage(args.After != nil,
		func(ctx context.Context) ([]TokenEdge, bool, error) {
			tokens, err := s.store.Tokens(ctx, after, args.First+1)
			if err != nil {
				return nil, false, err
			}
			more := len(tokens) > args.First
			tokens = tokens[:min(len(tokens), args.First)]
			rows := make([]TokenEdge, len(tokens))
			for i, t := range tokens {
				rows[i] = TokenEdge{Cursor: directory.IDCursor(tokenList, t.ID), Node: t}
			}
			return rows, more, nil
		},
		s.store.CountTokens), nil
}

// TokensByUID finds tokens that are not revoked by public id, in the order of the ids, nil where there is none.
func (s *Service) TokensByUID(ctx context.Context, uids []uuid.UUID) ([]*Token, error) {
	return s.store.TokensByUID(ctx, uids)
}
