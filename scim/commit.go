package scim

import (
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
)

// changes is an empty change set of the request.
func (rq *request) changes(c *identities, verb string) directory.Changes {
	return directory.Changes{Instance: rq.instance, Action: action(c.rt, verb), RefuseUnknownMembers: refusesUnknown(rq.instance)}
}

// update completes a change set by the new state of a record, tied to a version (0 is any), and commits it.
func (rq *request) update(c *identities, changes directory.Changes, record *directory.Record, s state, members patch.MemberChange, version int64) (*directory.Record, error) {
	put := s.over(record, version)
	link := directory.MemberChange{Container: record.UID}
	if same(put, record) {
		link.IfVersion = rq.ifVersion(record) // there is no put to be tied to it
	} else {
		changes.Put = []directory.Put{put}
	}
	if err := rq.addMembers(&changes, link, members); err != nil {
		return nil, err
	}
	if len(changes.Put)+len(changes.Members)+len(changes.Managers) == 0 {
		directory.NoteUnchanged(rq.ctx())
		return record, nil
	}
	written, err := rq.commit(changes)
	if err != nil || written != nil {
		return written, err
	}
	// Only links were changed, which raises the version too.
	now, err := rq.find(c, record.UID.String(), directory.LinkSet{})
	if err != nil {
		return nil, err
	}
	return now.Record, nil
}

// same reports whether a put changes nothing.
func same(p directory.Put, r *directory.Record) bool {
	displayName := p.DisplayName
	if displayName == "" {
		displayName = p.Name
	}
	return p.Name == r.Name && displayName == r.DisplayName && p.Status == r.Status &&
		reflect.DeepEqual(p.ExternalID, r.ExternalID) && reflect.DeepEqual(p.Email, r.Email) &&
		sameAttributes(p.Attrs, r.Attrs.Set())
}

func sameAttributes(a, b directory.AttributeSet) bool {
	return len(a) == 0 && len(b) == 0 || reflect.DeepEqual(a, b)
}

// commit applies a change set and returns the state of its put, nil where it has none.
func (rq *request) commit(changes directory.Changes) (*directory.Record, error) {
	result, err := rq.directory.Apply(rq.ctx(), changes)
	if err != nil {
		return nil, err
	}
	rq.note.committed(changes, result)
	if len(result.Unknown) > 0 {
		ids := make([]string, len(result.Unknown))
		for i, id := range result.Unknown {
			ids[i] = id.String()
		}
		if err := rq.unknown(ids); err != nil {
			return nil, err
		}
	}
	if len(result.Records) == 0 {
		return nil, nil
	}
	return result.Records[0], nil
}

// maxTries bounds how often a request is applied anew because the resource changed in the meantime.
const maxTries = 8

// retry carries out an attempt again where it was stale. A client that named a version is told instead.
func (rq *request) retry(attempt func() error) error {
	unknown := rq.note.unknown
	for try := 1; ; try++ {
		rq.note.unknown = unknown // what a former try left out, this one does again
		err := attempt()
		if !directory.HasReason(err, directory.ReasonStale) || len(rq.r.Header.Values("If-Match")) > 0 {
			return err
		}
		if try == maxTries {
			return &directory.Error{Code: directory.CodeUnavailable, Message: "The resource is changed by many at once. Try again.", Cause: err}
		}
		select {
		case <-rq.ctx().Done():
			return rq.ctx().Err()
		case <-time.After(time.Duration(rand.IntN(2<<try)) * time.Millisecond):
		}
	}
}
