package front

import "strings"

// scimNames are the endpoints of SCIM as the log and the metrics name them, by their name in small letters: clients
// write them as they like.
var scimNames = map[string]string{
	"users": "Users", "groups": "Groups", "me": "Me", "bulk": "Bulk", ".search": ".search",
	"schemas": "Schemas", "resourcetypes": "ResourceTypes", "serviceproviderconfig": "ServiceProviderConfig",
}

// scimRoute is the pattern of a path under /scim/ or /tokens/: tokens, ids and what is unknown stay out of it.
func scimRoute(path string) string {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	pattern := ""
	if segments[0] == "tokens" {
		if len(segments) < 2 {
			return routeTokens
		}
		pattern, segments = "/tokens/{token}", segments[2:]
	}
	if len(segments) >= 2 && segments[0] == "scim" && segments[1] == "v2" {
		pattern, segments = pattern+"/scim/v2", segments[2:]
	} else if pattern == "" {
		return routeSCIM
	}
	if len(segments) == 0 || scimNames[strings.ToLower(segments[0])] == "" {
		return pattern + "/"
	}
	pattern += "/" + scimNames[strings.ToLower(segments[0])]
	switch {
	case len(segments) == 1:
		return pattern
	case strings.EqualFold(segments[1], ".search"):
		return pattern + "/.search"
	}
	return pattern + "/{id}"
}
