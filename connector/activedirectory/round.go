package activedirectory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// stateVersion changes with what is asked for: the cookies of another version would not tell all of it.
const stateVersion = 1

// place is where a round is, and at its end where the next one begins.
type place struct {
	Version int    `json:"version"`
	Of      string `json:"of"`
	// DC is the domain controller whose cookies these are; empty where there are none.
	DC string `json:"dc,omitempty"`
	// Cookies lead to the changes that come next in each phase.
	Cookies map[phase][]byte `json:"cookies,omitempty"`
	// Phase is what is being read.
	Phase phase `json:"phase,omitempty"`
	// Full says that the round tells all there is.
	Full bool `json:"full,omitempty"`
}

// phase is a part of a round.
type phase string

const (
	// ofTree looks for folders that were moved: their users and groups have other names then, which nobody tells.
	ofTree   phase = "tree"
	ofUsers  phase = "users"
	ofGroups phase = "groups"
)

// kind is what a phase reads.
func (p phase) kind() directory.IdentityKind {
	if p == ofGroups {
		return directory.KindGroup
	}
	return directory.KindUser
}

// Read walks the users, then the groups.
func (s *source) Read(ctx context.Context, from connector.From, stage func(context.Context, connector.Page) error) error {
	at, err := s.begin(from)
	if err != nil {
		return err
	}
	read := (*session).changes
	if at.Full {
		read = (*session).full
	}
	r := &reading{place: at, ctx: ctx, stage: stage}
	err = s.trying(ctx, func() string { return at.DC }, func(c *session) (bool, error) {
		r.further = false
		err := read(c, ctx, r)
		return r.further, err
	})
	if r.refused != nil {
		return r.refused
	}
	return err
}

// reading is a round under way.
type reading struct {
	*place
	ctx   context.Context
	stage func(context.Context, connector.Page) error
	// further says that the place has moved on since the connection was made.
	further bool
	// refused is what stage ended the round with.
	refused error
}

// keep hands a page over, with the place as it is now.
func (r *reading) keep(page connector.Page) error {
	page.Resume = encode(r.place)
	if err := r.stage(r.ctx, page); err != nil {
		r.refused = err
		return &ended{err}
	}
	return nil
}

// ended hides what an error is from those who would try again.
type ended struct{ cause error }

func (e *ended) Error() string { return e.cause.Error() }

// moved notes that the place has moved on.
func (r *reading) moved(to phase) { r.Phase, r.further = to, true }

// end hands over the end of the round.
func (r *reading) end() error {
	r.Phase, r.Full = "", false
	end := &connector.End{}
	if r.DC != "" {
		end.State = encode(r.place)
	}
	return r.keep(connector.Page{End: end})
}

// begin finds the place that a round begins at or goes on from.
func (s *source) begin(from connector.From) (*place, error) {
	at := &place{Version: stateVersion, Of: s.of(), Phase: ofTree}
	if from.State == nil {
		at.Phase, at.Full = ofUsers, true
	}
	for _, told := range [][]byte{from.State, from.Resume} {
		if told == nil {
			continue
		}
		at.Version, at.Of = 0, ""
		if err := json.Unmarshal(told, at); err != nil || at.Version != stateVersion {
			return nil, connector.Errorf(connector.StateExpired, "The state of the last run was kept by another version of Roster. Everything is read again.")
		}
		if at.Of != s.of() {
			return nil, connector.Errorf(connector.StateExpired, "The configuration says otherwise than in the last run what is read. Everything is read again.")
		}
	}
	return at, nil
}

// full reads what there is to read of a round that tells everything. Where a connection breaks, the phase that was under way
// begins again, as a search is over with its connection.
func (c *session) full(ctx context.Context, r *reading) error {
	if err := c.prime(ctx, r); err != nil {
		return err
	}
	if r.Phase == ofUsers {
		err := c.pages(ctx, usersAtOnce, c.source.filter(directory.KindUser), c.source.asked(directory.KindUser), func(rows []row) error {
			page := connector.Page{}
			if err := c.take(ctx, directory.KindUser, rows, false, &page); err != nil {
				return err
			}
			return r.keep(page)
		})
		if err != nil {
			return err
		}
		r.moved(ofGroups)
	}
	err := c.pages(ctx, groupsAtOnce, c.source.filter(directory.KindGroup), c.source.asked(directory.KindGroup), func(rows []row) error {
		return c.groupPage(ctx, rows, r.keep)
	})
	if err != nil {
		return err
	}
	return r.end()
}

// prime asks how far the changes have come before anything is read, so that the next round tells what this one misses.
func (c *session) prime(ctx context.Context, r *reading) error {
	if r.DC != "" {
		return nil
	}
	cookie, lacks, err := c.follow(ctx)
	switch {
	case err != nil:
		return err
	case lacks != "" && c.source.mode == modeDirSync:
		return connector.Errorf(connector.Misconfigured, "%s, which the mode dirsync needs. Grant it there, or set %s to auto.", lacks, keyMode)
	case lacks == "":
		r.DC, r.Cookies = c.dc, map[phase][]byte{ofTree: cookie, ofUsers: cookie, ofGroups: cookie}
	}
	return nil
}

// groupPage hands groups over, and their members in pages of their own where they are many.
func (c *session) groupPage(ctx context.Context, rows []row, keep func(connector.Page) error) error {
	page := connector.Page{}
	if err := c.take(ctx, directory.KindGroup, rows, false, &page); err != nil {
		return err
	}
	for _, group := range rows {
		err := c.addMembers(ctx, group, &page, func() error {
			if len(page.Links) < maxLinks {
				return nil
			}
			full := page
			page = connector.Page{}
			return keep(full)
		})
		if err != nil {
			return err
		}
	}
	return keep(page)
}

// maxLinks is about how many links a page holds.
const maxLinks = 5000

// addMembers adds links to the members in the list of a group, and calls after each answer that told some.
func (c *session) addMembers(ctx context.Context, group row, page *connector.Page, after func() error) error {
	if group.key == "" {
		return nil
	}
	whole, err := c.members(ctx, group, func(values []string) error {
		c.memberLinks(group, values, false, page)
		return after()
	})
	if err != nil || whole {
		return err
	}
	page.Identities = append(page.Identities, connector.Identity{Kind: directory.KindGroup, Key: group.key, Attributes: c.groupOf(group, false), PartialLinks: true})
	page.Failures = append(page.Failures, connector.Failure{
		Key: group.key, Name: group.text("sAMAccountName"), Code: directory.SourceError,
		Message: fmt.Sprintf("The members of the group changed each of the %d times that they were read. Nobody is removed from it in this run.", maxReadings),
	})
	return nil
}

// encode writes a state down.
func encode(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(errors.Join(errors.New("a state of texts does not encode"), err))
	}
	return text
}
