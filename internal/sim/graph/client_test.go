package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// client is the plainest one that can be right: it takes rows as they come, adds what they tell to what it knows, tries
// again what fails, and begins anew where a link has expired.
type client struct {
	t      testing.TB
	server *Server
	http   *http.Client
	token  string
	known  map[Kind]map[string]map[string]any // attributes by id
	life   map[string]Status                  // softly deleted, or gone
	links  map[[2]string]bool                 // owner and other
	delta  map[Kind]string
	pages  int
}

var errExpired = errors.New("expired")

var selected = map[Kind]string{
	User:  "userPrincipalName,displayName,givenName,surname,mail,mailNickname,accountEnabled,userType,signInSessionsValidFromDateTime,manager",
	Group: "displayName,mail,mailNickname,mailEnabled,securityEnabled,description,visibility,members",
}

func newClient(t testing.TB, s *Server) *client {
	return &client{
		t: t, server: s, http: s.Client(), known: map[Kind]map[string]map[string]any{User: {}, Group: {}},
		life: map[string]Status{}, links: map[[2]string]bool{}, delta: map[Kind]string{},
	}
}

func (c *client) signIn() {
	c.t.Helper()
	answer, err := c.http.PostForm(c.server.URL()+"/"+c.server.Tenant.ID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.server.ClientID}, "client_secret": {c.server.ClientSecret},
		"scope": {c.server.URL() + "/.default"},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	var body struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body.Token == "" {
		c.t.Fatalf("no token: %d %v", answer.StatusCode, err)
	}
	c.token = body.Token
}

// get reads one page, with up to three more tries.
func (c *client) get(address string) (map[string]any, error) {
	var last error
	for range MaxFaults + 2 {
		if c.token == "" {
			c.signIn()
		}
		request, _ := http.NewRequest(http.MethodGet, address, nil)
		request.Header.Set("Authorization", "Bearer "+c.token)
		answer, err := c.http.Do(request)
		if err != nil {
			last = err
			continue
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		switch code := answer.StatusCode; {
		case code == http.StatusOK && err == nil:
			var out map[string]any
			return out, json.Unmarshal(body, &out)
		case code == http.StatusUnauthorized:
			c.token, last = "", errors.New("401")
		case code == http.StatusOK, code == http.StatusTooManyRequests, code >= 500:
			last = fmt.Errorf("status %d (%v)", code, err)
		case code == http.StatusGone, strings.Contains(strings.ToLower(string(body)), "syncstatenotfound"), strings.Contains(string(body), "ExpiredPageToken"):
			return nil, errExpired
		default:
			return nil, fmt.Errorf("status %d: %s", code, body)
		}
	}
	return nil, fmt.Errorf("gave up: %w", last)
}

// sync reads one round of a kind; a full one where there is no link or that has expired.
func (c *client) sync(kind Kind) {
	c.t.Helper()
	seen := map[string]bool{}
	full := c.delta[kind] == ""
	address := c.delta[kind]
	if full {
		address = c.server.URL() + "/v1.0/" + string(kind) + "s/delta?$select=" + selected[kind]
	}
	for address != "" {
		c.pages++
		page, err := c.get(address)
		if errors.Is(err, errExpired) {
			c.delta[kind] = ""
			c.sync(kind)
			return
		}
		if err != nil {
			c.t.Fatal(err)
		}
		for _, r := range page["value"].([]any) {
			c.take(kind, r.(map[string]any), seen)
		}
		address, _ = page["@odata.nextLink"].(string)
		if end, _ := page["@odata.deltaLink"].(string); end != "" {
			c.delta[kind] = end
		}
	}
	if full {
		c.sweep(kind, seen)
	}
}

func (c *client) take(kind Kind, r map[string]any, seen map[string]bool) {
	id := r["id"].(string)
	if removed, ok := r["@removed"].(map[string]any); ok {
		c.life[id] = SoftDeleted
		if removed["reason"] == "deleted" {
			c.life[id] = "gone"
		}
		return
	}
	delete(c.life, id)
	seen[id] = true
	known := c.known[kind][id]
	if known == nil {
		known = map[string]any{}
		c.known[kind][id] = known
	}
	for name, v := range r {
		switch {
		case name == relation[kind]+"@delta":
			for _, l := range v.([]any) {
				l := l.(map[string]any)
				pair := [2]string{id, l["id"].(string)}
				c.links[pair] = l["@removed"] == nil
				if seen[id+l["id"].(string)] = l["@removed"] == nil; l["@removed"] != nil {
					delete(c.links, pair)
				}
			}
		case v == nil:
			delete(known, name)
		case name != "id":
			known[name] = v
		}
	}
}

// sweep drops what a full round has not told.
func (c *client) sweep(kind Kind, seen map[string]bool) {
	for id := range c.known[kind] {
		if !seen[id] && c.life[id] == "" {
			c.life[id] = "gone"
		}
	}
	for pair := range c.links {
		if c.known[kind][pair[0]] != nil && !seen[pair[0]+pair[1]] && c.life[pair[0]] == "" {
			delete(c.links, pair)
		}
	}
}

// state is what the client knows, in the form of the truth: without the deleted, as is [live].
func (c *client) state() State {
	out := State{Users: map[string]Object{}, Groups: map[string]Object{}}
	there := func(id string) bool {
		return (c.known[User][id] != nil || c.known[Group][id] != nil) && c.life[id] == ""
	}
	for kind, into := range map[Kind]map[string]Object{User: out.Users, Group: out.Groups} {
		for id, attributes := range c.known[kind] {
			if !there(id) {
				continue
			}
			o := Object{Status: Active, Attributes: maps.Clone(attributes)}
			if attributes["accountEnabled"] == false {
				o.Status = Disabled
			}
			into[id] = o
		}
	}
	for pair := range c.links {
		from, other := pair[0], pair[1]
		if !there(from) || !there(other) {
			continue
		}
		if o, ok := out.Users[from]; ok {
			o.Manager += other
			out.Users[from] = o
			continue
		}
		o := out.Groups[from]
		o.Members = append(o.Members, other)
		slices.Sort(o.Members)
		out.Groups[from] = o
	}
	return out
}

// live is the part of the truth that every client has to know: what is deleted softly is left out, and links to it.
func live(s State) State {
	out := State{Users: map[string]Object{}, Groups: map[string]Object{}}
	there := func(id string) bool {
		o, ok := s.Users[id]
		if !ok {
			o, ok = s.Groups[id]
		}
		return ok && o.Status != SoftDeleted
	}
	for id, o := range s.Users {
		if there(id) {
			if !there(o.Manager) {
				o.Manager = ""
			}
			out.Users[id] = o
		}
	}
	for id, o := range s.Groups {
		if there(id) {
			o.Members = slices.DeleteFunc(slices.Clone(o.Members), func(m string) bool { return !there(m) })
			if len(o.Members) == 0 {
				o.Members = nil
			}
			out.Groups[id] = o
		}
	}
	return out
}
