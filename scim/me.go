package scim

import (
	"net/http"

	"github.com/roster-gateway/roster/directory"
)

// me serves /Me, the user that the request's token stands for (RFC 7644 section 3.11). An issuer's token stands for its
// subject: the user whose externalId that is, which only the provisioning client of the instance can set. Names and
// addresses decide nothing. A token of an instance stands for nobody, which RFC 7644 answers by 501.
func (rq *request) me() (*answer, error) {
	if rq.principal.Subject == "" {
		return nil, notImplemented()
	}
	users := rq.collections["User"]
	q := rq.all(users)
	q.ExternalID, q.Limit = &rq.principal.Subject, 1
	found, err := rq.directory.Resources(rq.ctx(), q, directory.LinkSet{})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, &problem{status: http.StatusNotFound, detail: "There is no user whose externalId is the subject of this token."}
	}
	id := found[0].UID.String()
	rq.note.about(users.rt.Name, id)
	out, err := rq.onOne(users, id)
	if err == nil {
		out.location = rq.address(users, id) // the permanent one, in any answer
	}
	return out, err
}
