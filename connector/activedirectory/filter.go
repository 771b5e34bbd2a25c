package activedirectory

import (
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// The filters that tell users and groups from everything else. Computers and the accounts of services that are computers
// are of the class user, too; see "Object Class and Object Category". The bit is that of accounts that stand for another
// domain (userAccountControl, INTERDOMAIN_TRUST_ACCOUNT).
const (
	userFilter  = "(&(objectClass=user)(!(objectClass=computer))(!(userAccountControl:1.2.840.113556.1.4.803:=2048)))"
	groupFilter = "(objectClass=group)"
)

// equals matches what has a value, whatever is in that: it is escaped as RFC 4515 section 3 says.
func equals(attribute, value string) string {
	return "(" + attribute + "=" + ldap.EscapeFilter(value) + ")"
}

// octets matches what has a value of bytes. All are escaped, so that none is taken for a letter.
func octets(attribute string, value []byte) string {
	var filter strings.Builder
	filter.WriteString("(" + attribute + "=")
	for _, b := range value {
		fmt.Fprintf(&filter, `\%02x`, b)
	}
	return filter.String() + ")"
}

// and matches what all of the filters do; empty ones say nothing.
func and(filters ...string) string { return "(&" + strings.Join(filters, "") + ")" }

// anyOf matches what one of the filters does.
func anyOf(filters []string) string { return "(|" + strings.Join(filters, "") + ")" }

// maxFilter is how long a filter of the configuration may be, in bytes: each parenthesis is a step down for who compiles it.
const maxFilter = 4096

// checkFilter takes a filter as RFC 4515 writes them.
func checkFilter(value string) error {
	if len(value) > maxFilter {
		return fmt.Errorf("an LDAP filter of at most %d bytes is expected", maxFilter)
	}
	if _, err := ldap.CompileFilter(value); err != nil {
		return fmt.Errorf("an LDAP filter is expected, such as (memberOf=CN=Staff,OU=Groups,DC=corp,DC=example)")
	}
	return nil
}
