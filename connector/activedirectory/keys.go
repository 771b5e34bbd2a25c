package activedirectory

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// The bounds of what can be configured.
const (
	maxURLs       = 10
	maxAttributes = 50
)

// listed are the parts of a value that commas or blanks separate.
func listed(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' })
}

func checkURLs(value string) error {
	_, err := parseURLs(value)
	return err
}

// checkDN takes a distinguished name as RFC 4514 writes them.
func checkDN(value string) error {
	if dn, err := ldap.ParseDN(value); err != nil || len(dn.RDNs) == 0 {
		return errors.New("a distinguished name is expected, such as OU=Staff,DC=corp,DC=example")
	}
	return nil
}

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)

// refused are attributes that are not read, whoever asks for them: passwords and keys, and links, which are read as such.
var refused = []string{
	"unicodepwd", "userpassword", "dbcspwd", "lmpwdhistory", "ntpwdhistory", "supplementalcredentials", "ms-mcs-admpwd", "mslaps-password",
	"mslaps-encryptedpassword", "mslaps-encryptedpasswordhistory", "msds-managedpassword", "msds-keycredentiallink", "msfve-recoverypassword", "member", "memberof",
}

// checkAttributes takes names of attributes, and none of secrets.
func checkAttributes(value string) error {
	names := listed(value)
	if len(names) > maxAttributes {
		return fmt.Errorf("at most %d attributes are expected", maxAttributes)
	}
	for _, name := range names {
		if !attributeName.MatchString(name) {
			return errors.New("names of attributes are expected, separated by commas, such as employeeID, physicalDeliveryOfficeName")
		}
		if slices.Contains(refused, strings.ToLower(name)) {
			return fmt.Errorf("the attribute %s is not read as such", name)
		}
	}
	return nil
}
