package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync/atomic"

	"github.com/roster-gateway/roster/bench/load"
)

const (
	scimUser  = "urn:ietf:params:scim:schemas:core:2.0:User"
	scimPatch = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
)

func (b *bench) scimHeaders() string {
	return "Authorization: Bearer " + b.push + "\r\nContent-Type: application/scim+json\r\n"
}

// scimResource is what is looked at of a SCIM answer: one resource, or a list of them.
type scimResource struct {
	ID, UserName string
	TotalResults int
	Resources    []scimResource
}

func (b *bench) scimGetScripts() (roster, raw *load.Script, err error) {
	uid := func(key int) string { return b.data.Users[b.keys.users[key]].UID.String() }
	check := func(key int, body []byte) error {
		var got scimResource
		if err := json.Unmarshal(body, &got); err != nil || got.ID != uid(key) || got.UserName == "" {
			return fmt.Errorf("user %s: %.300s", uid(key), body)
		}
		return nil
	}
	return b.scimGet(func(key int) string { return "/Users/" + uid(key) }, check),
		rawGet(len(b.keys.users), func(key int) string { return "/row/id/" + uid(key) }, check), nil
}

func (b *bench) scimFilterScripts() (roster, raw *load.Script, err error) {
	name := func(key int) string { return b.data.Users[b.keys.users[key]].UserName }
	check := func(key int, body []byte) error {
		var got scimResource
		if err := json.Unmarshal(body, &got); err != nil || got.TotalResults != 1 || len(got.Resources) != 1 || got.Resources[0].UserName != name(key) {
			return fmt.Errorf("user %s: %.300s", name(key), body)
		}
		return nil
	}
	return b.scimGet(func(key int) string { return "/Users?filter=" + url.QueryEscape(`userName eq "`+name(key)+`"`) }, check),
		rawGet(len(b.keys.users), func(key int) string { return "/row/name/" + name(key) }, check), nil
}

func (b *bench) scimGet(path func(key int) string, check func(int, []byte) error) *load.Script {
	requests := make([][]byte, len(b.keys.users))
	for key := range requests {
		requests[key] = load.AppendRequest(nil, "GET", "/scim/v2"+path(key), b.scimHeaders(), nil)
	}
	return &load.Script{Next: load.Fixed(requests), Status: 200, Check: check}
}

// created numbers the users that a run creates.
var created atomic.Int64

// newUser is the body of a user that is not there yet.
func newUser() (userName string, body []byte) {
	n := created.Add(1)
	userName = fmt.Sprintf("new.user.%d@example.com", n)
	return userName, fmt.Appendf(nil, `{"schemas":["%s"],"externalId":"new-%07d","userName":"%s","displayName":"New User %d",`+
		`"name":{"givenName":"New","familyName":"User %d","formatted":"New User %d"},`+
		`"emails":[{"value":"%s","type":"work","primary":true}],"active":true}`, scimUser, n, userName, n, n, n, userName)
}

func (b *bench) scimCreateScripts() (roster, raw *load.Script, err error) {
	script := func(path, headers string) *load.Script {
		return &load.Script{
			Status: 201,
			Next: func(into []byte, _ *rand.Rand) ([]byte, int) {
				_, body := newUser()
				return load.AppendRequest(into, "POST", path, headers, body), 0
			},
			Check: func(_ int, body []byte) error {
				var got scimResource
				if err := json.Unmarshal(body, &got); err != nil || got.ID == "" || got.UserName == "" {
					return fmt.Errorf("%.300s", body)
				}
				return nil
			},
		}
	}
	return script("/scim/v2/Users", b.scimHeaders()), script("/row", "Content-Type: application/json\r\n"), nil
}
