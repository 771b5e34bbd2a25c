package microsoft

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/roster-gateway/roster/directory"
)

// CACertificate declares the key tls.caCertificate, which every source over https takes.
var CACertificate = directory.ConfigKey{
	Key: "tls.caCertificate", Description: "Certificate authorities in PEM that the source's TLS certificate may come from, beside the system's.", Check: Certificates,
}

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

// OneOf takes one of the values.
func OneOf(values ...string) func(string) error {
	return func(value string) error {
		for _, v := range values {
			if v == value {
				return nil
			}
		}
		return fmt.Errorf("one of %s is expected", strings.Join(values, ", "))
	}
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

// pemBlocks counts the PEM blocks of each kind.
func pemBlocks(value string) (certificates, keys int) {
	for rest := []byte(value); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return certificates, keys
		}
		switch {
		case block.Type == "CERTIFICATE":
			certificates++
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			keys++
		}
	}
}

// Certificates takes one certificate in PEM or more.
func Certificates(value string) error {
	if n, _ := pemBlocks(value); n == 0 {
		return errors.New("at least one certificate in PEM is expected")
	}
	return nil
}

// CertificateWithKey takes a certificate, with others of its chain or without, and its private key in PEM.
func CertificateWithKey(value string) error {
	if n, keys := pemBlocks(value); n == 0 || keys != 1 {
		return errors.New("a certificate and one private key in PEM are expected")
	}
	return nil
}
