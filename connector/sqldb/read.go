package sqldb

import (
	"context"
	"encoding/json"

	"github.com/roster-gateway/roster/connector"
)

// A page has about so many rows, or so many bytes of text.
const (
	pageRows  = 1000
	pageBytes = 1 << 20
)

// maxFailures is how many rows of a round may be of no use: where there are more it is not the rows that are wrong.
const maxFailures = 1000

// state is what the next round begins with.
type state struct {
	// Version is that of the source.
	Version   string `json:"v"`
	Watermark string `json:"w"`
}

// resume says that a part of a round was kept. There is no going on from there: the moment that it was of has gone with
// its transaction.
var resume = []byte(`"begin anew"`)

// Read reads all there is, unless the watermark says that nothing has changed.
func (s *source) Read(ctx context.Context, from connector.From, stage func(context.Context, connector.Page) error) error {
	if from.Resume != nil {
		return connector.Errorf(connector.StateExpired, "A round that was broken off cannot go on: what it saw of the database has gone with its transaction.")
	}
	n, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer n.close()
	end := connector.End{}
	if s.watermark != nil {
		if end.State, err = n.state(ctx); err != nil {
			return err
		}
	}
	if from.State != nil {
		if string(end.State) == string(from.State) {
			return stage(ctx, connector.Page{Resume: resume, End: &end})
		}
		return connector.Errorf(connector.StateExpired, "The watermark is another one than that of the last round.")
	}
	if err := n.prepare(ctx, s.users, s.groups, s.links); err != nil {
		return err
	}
	p := &pager{stage: stage, rows: s.pageRows}
	users := 0
	if err := n.each(ctx, s.users, func(r *row) error {
		users++
		return p.add(ctx, userOf(r), r)
	}); err != nil {
		return err
	}
	if users == 0 {
		return connector.Errorf(connector.Misconfigured, "The users query gives no row. That is taken for a mistake of the query or of the database, and nothing was changed. Look at it, and at what the account may see; if there really are no users any more, disable the instance. (%s)", keyUsers)
	}
	for _, part := range []struct {
		query *query
		tells func(*row) told
	}{{s.groups, groupOf}, {s.links, linkOf}} {
		if part.query == nil {
			continue
		}
		if err := n.each(ctx, part.query, func(r *row) error { return p.add(ctx, part.tells(r), r) }); err != nil {
			return err
		}
	}
	p.page.End = &end
	return p.flush(ctx)
}

// state reads the watermark; nil where it is NULL.
func (n *session) state(ctx context.Context) ([]byte, error) {
	value, rows := "", 0
	err := n.each(ctx, n.source.watermark, func(r *row) error {
		rows++
		value = r.text(0)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case rows != 1:
		return nil, connector.Errorf(connector.Misconfigured, "The watermark query gives %d rows, and one is expected. (%s)", rows, keyWatermark)
	case value == "":
		return nil, nil
	}
	return json.Marshal(state{Version: n.source.version, Watermark: value})
}

// pager makes pages of rows.
type pager struct {
	stage    func(context.Context, connector.Page) error
	rows     int
	page     connector.Page
	bytes    int
	failures int
}

// add puts on the page what a row tells.
func (p *pager) add(ctx context.Context, t told, r *row) error {
	if t.identity != nil {
		p.page.Identities = append(p.page.Identities, *t.identity)
	}
	p.page.Links = append(p.page.Links, t.links...)
	if t.failure != nil {
		if p.failures++; p.failures > maxFailures {
			return connector.Errorf(connector.Misconfigured, "More than %d rows cannot be taken over, which is taken for a mistake of the %s. Nothing was changed. Of the last one: %s (%s)", maxFailures, r.query.noun, t.failure.Message, r.query.key)
		}
		p.page.Failures = append(p.page.Failures, *t.failure)
	}
	for _, at := range r.at {
		if at >= 0 {
			p.bytes += sizeOf(r.values[at])
		}
	}
	if len(p.page.Identities)+len(p.page.Links)+len(p.page.Failures) < p.rows && p.bytes < pageBytes {
		return nil
	}
	return p.flush(ctx)
}

// flush hands the page over.
func (p *pager) flush(ctx context.Context) error {
	page := p.page
	page.Resume = resume
	p.page, p.bytes = connector.Page{}, 0
	return p.stage(ctx, page)
}
