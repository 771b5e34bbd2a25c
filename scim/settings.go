package scim

import (
	"net/http"
	"strings"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/patch"
	"github.com/roster-gateway/roster/scim/schema"
)

// The runtime configuration keys of an instance that this package reads.
const (
	// RequiredAttributes lists the paths of attributes that every user must have, with commas between them.
	RequiredAttributes = "scim.requiredAttributes"
	// EmailDomains lists the domains that a user's e-mail address may be of, with commas between them; empty is any.
	EmailDomains = "scim.emailDomains"
	// UnknownMembers says what becomes of members and managers that do not exist: "ignore" (default) or "refuse".
	UnknownMembers = "scim.unknownMembers"
)

// DirectoryOptions tell the directory which values these settings take.
func DirectoryOptions(types *schema.Registry) []directory.Option {
	user, group := types.ResourceType("User"), types.ResourceType("Group")
	options := []directory.Option{directory.WithConfigCheck(RequiredAttributes, func(value string) error {
		for _, path := range splitPaths(value) {
			if _, err := placeOf(user, path); err != nil {
				return err
			}
		}
		return nil
	})}
	for key, rt := range map[string]*schema.ResourceType{
		MapUserDisplayName: user, MapUserEmail: user, MapUserDescription: user, MapGroupEmail: group, MapGroupDescription: group,
	} {
		options = append(options, directory.WithConfigCheck(key, func(value string) error {
			_, err := placeOf(rt, value)
			return err
		}))
	}
	return options
}

// refusesUnknown reports whether unknown members fail a request.
func refusesUnknown(i *directory.Instance) bool {
	return strings.EqualFold(strings.TrimSpace(i.Config[UnknownMembers]), "refuse")
}

// checkUser holds a user against the instance's settings (rule R26). Before is what the user was, nil for a new one
// or one that is replaced. What was wrong before may stay wrong, so that a change of something else, and above all a
// deactivation, always goes through.
func (rq *request) checkUser(c *identities, now, before map[string]any) error {
	if c.kind != directory.KindUser {
		return nil
	}
	replaced := before == nil && rq.r.Method == http.MethodPut
	if replaced && now["active"] == false {
		return nil
	}
	for _, path := range splitPaths(rq.instance.Config[RequiredAttributes]) {
		if !hasAttribute(c.rt, path, now) && (before == nil || hasAttribute(c.rt, path, before)) {
			return badInput(patch.InvalidValue, "%s is required by this provider instance.", path)
		}
	}
	address := email(now["emails"])
	if address == nil || before != nil && email(before["emails"]) != nil && *address == *email(before["emails"]) {
		return nil
	}
	if !inDomains(*address, rq.instance.Config[EmailDomains]) {
		return badInput(patch.InvalidValue, "The domain of the e-mail address in emails is not one that this provider instance takes.")
	}
	return nil
}

// splitPaths splits a list of attribute paths at the commas outside of their filters.
func splitPaths(text string) []string {
	out := []string{}
	brackets, quoted := 0, false
	start := 0
	end := func(i int) {
		if path := strings.TrimSpace(text[start:i]); path != "" {
			out = append(out, path)
		}
		start = i + 1
	}
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case c == ',' && brackets == 0:
			end(i)
		}
	}
	end(len(text))
	return out
}

// hasAttribute reports whether a resource has a value at a path. A path that leads nowhere has none: where the schemas
// have changed since it was set, that is noticed at the first request.
func hasAttribute(rt *schema.ResourceType, path string, resource map[string]any) bool {
	at, err := placeOf(rt, path)
	return err == nil && len(at.values(resource)) > 0
}

// inDomains reports whether an e-mail address is of one of the listed domains; an empty list allows every one.
func inDomains(address, domains string) bool {
	if strings.TrimSpace(domains) == "" {
		return true
	}
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return false
	}
	domain := directory.FoldKey(address[at+1:])
	for allowed := range strings.SplitSeq(domains, ",") {
		if allowed = strings.TrimPrefix(strings.TrimSpace(allowed), "@"); allowed != "" && directory.FoldKey(allowed) == domain {
			return true
		}
	}
	return false
}
