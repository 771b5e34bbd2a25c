package microsoft

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

var (
	guidText   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	domainText = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$`)
)

// GUID takes a GUID with dashes and without braces.
func GUID(value string) error {
	if !guidText.MatchString(value) {
		return errors.New("a GUID is expected, such as 11111111-2222-3333-4444-555555555555")
	}
	return nil
}

// Tenant takes what names a tenant: its GUID or one of its domains.
func Tenant(value string) error {
	if !guidText.MatchString(value) && !domainText.MatchString(value) {
		return errors.New("the tenant's GUID or a domain is expected, such as contoso.onmicrosoft.com")
	}
	return nil
}

// HTTPSURL takes the https URL of a site: with a path or without, and nothing beside it.
func HTTPSURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("an https URL is expected, such as https://contoso.sharepoint.com/sites/hr")
	}
	return nil
}

// HTTPSOrigin takes an https URL without a path.
func HTTPSOrigin(value string) error {
	u, err := url.Parse(value)
	if err != nil || HTTPSURL(value) != nil || strings.Trim(u.Path, "/") != "" {
		return errors.New("an https origin is expected, such as https://login.example.com")
	}
	return nil
}
