package azuread

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/microsoft"
	"github.com/roster-gateway/roster/directory"
)

// stateVersion changes with what is asked for: the links of another version would not tell all of it.
const stateVersion = 1

// state is where the next round begins: the two links that the last one ended with. They are opaque.
type state struct {
	Version int    `json:"version"`
	Of      string `json:"of"`
	Users   string `json:"users"`
	Groups  string `json:"groups"`
}

// place is where a round is.
type place struct {
	state
	// Phase is the kind that is being read.
	Phase directory.IdentityKind `json:"phase"`
	// Link leads to the next page; empty for the first one of a full round.
	Link string `json:"link"`
	// Full says that the round tells all there is.
	Full bool `json:"full"`
}

// answer is one page of a delta query.
type answer struct {
	Value     []json.RawMessage `json:"value"`
	NextLink  string            `json:"@odata.nextLink"`
	DeltaLink string            `json:"@odata.deltaLink"`
}

// Read walks the users, then the groups.
func (s *source) Read(ctx context.Context, from connector.From, stage func(context.Context, connector.Page) error) error {
	at, err := s.begin(from)
	if err != nil {
		return err
	}
	for {
		page := connector.Page{}
		got, err := s.next(ctx, at)
		if err != nil {
			return err
		}
		s.rows(got.Value, at, &page)
		done, err := at.move(got)
		if err != nil {
			return err
		}
		if done {
			page.End = &connector.End{State: encode(at.state)}
		}
		page.Resume = encode(at)
		if err := stage(ctx, page); err != nil || done {
			return err
		}
	}
}

// begin finds the place that a round begins at or goes on from.
func (s *source) begin(from connector.From) (*place, error) {
	at := &place{state: state{Version: stateVersion, Of: s.of}, Phase: directory.KindUser, Full: from.State == nil}
	for _, told := range []struct {
		text []byte
		into any
	}{{from.State, &at.state}, {from.Resume, at}} {
		if told.text == nil {
			continue
		}
		at.Version, at.Of = 0, ""
		if err := json.Unmarshal(told.text, told.into); err != nil || at.Version != stateVersion {
			return nil, connector.Errorf(connector.StateExpired, "The state of the last run was kept by another version of Roster. Everything is read again.")
		}
		if at.Of != s.of {
			return nil, connector.Errorf(connector.StateExpired, "The tenant or the address of Microsoft Graph is another one than in the last run. Everything is read again.")
		}
	}
	if from.Resume == nil {
		at.Link = at.Users
	}
	return at, nil
}

// move goes to where a page leads. It reports true at the end of the round.
func (at *place) move(got *answer) (bool, error) {
	switch {
	case got.NextLink != "" && got.NextLink == at.Link:
		return false, connector.Errorf(connector.Unavailable, "Microsoft Graph sent a page that leads to itself. Nothing was changed.")
	case got.NextLink != "":
		at.Link = got.NextLink
		return false, nil
	case got.DeltaLink == "":
		return false, connector.Errorf(connector.Unavailable, "Microsoft Graph sent a page that leads nowhere. Nothing was changed.")
	case at.Phase == directory.KindUser:
		at.Users, at.Phase, at.Link = got.DeltaLink, directory.KindGroup, at.Groups
		return false, nil
	}
	at.Groups, at.Link = got.DeltaLink, ""
	return true, nil
}

// next reads the page that a place leads to.
func (s *source) next(ctx context.Context, at *place) (*answer, error) {
	if at.Link == "" {
		return s.first(ctx, at.Phase)
	}
	got := &answer{}
	err := s.graph.Get(ctx, at.Link, got)
	if hasExpired(err) {
		expired := connector.Errorf(connector.StateExpired, "Microsoft Graph has forgotten where the last run ended. Everything is read again.")
		expired.Cause = microsoft.AsRefusal(err)
		return nil, expired
	}
	return got, err
}

// expired are the error codes, folded, that say a link leads nowhere any more; see "Use delta query to track changes in
// Microsoft Graph data" (synchronization reset) and "Microsoft Graph error responses and resource types".
var expired = []string{
	"syncstatenotfound", "syncstateinvalid", "syncstateexpired", "resyncrequired", "resyncchangesapplydifferences", "resyncchangesuploaddifferences",
	"resyncapplydifferences", "resyncuploaddifferences", "directory_expiredpagetoken", "fullsyncrequired",
}

func hasExpired(err error) bool {
	refusal := microsoft.AsRefusal(err)
	switch {
	case refusal == nil:
		return false
	case refusal.Status == http.StatusGone:
		return true
	case refusal.Status == http.StatusBadRequest || refusal.Status == http.StatusNotFound:
		return slices.ContainsFunc(refusal.Codes, func(code string) bool { return slices.Contains(expired, strings.ToLower(code)) })
	}
	return false
}

// encode writes a state down.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(errors.Join(errors.New("a state of texts does not encode"), err))
	}
	return text
}
