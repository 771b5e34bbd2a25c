package activedirectory

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/go-ldap/ldap/v3"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/internal/outbound"
)

// said is what a refusal means for the synchronization, and in words for an admin; %s is the host.
type said struct {
	code connector.Code
	text string
}

// refusals are the result codes (RFC 4511 section 4.1.9) that have a meaning of their own here.
var refusals = map[uint16]said{
	ldap.LDAPResultOperationsError:              {connector.Misconfigured, "%s takes no questions before a sign-in that it knows. Look at " + keyBindDN + "."},
	ldap.LDAPResultTimeLimitExceeded:            {connector.Unavailable, "%s took longer for an answer than it may."},
	ldap.LDAPResultSizeLimitExceeded:            {connector.Unavailable, "%s told a part of what was asked for, and no more."},
	ldap.LDAPResultAdminLimitExceeded:           {connector.Unavailable, "%s does not answer what costs it so much at the moment."},
	ldap.LDAPResultStrongAuthRequired:           {connector.Misconfigured, "%s takes sign-ins over TLS only. Look at " + keyURLs + "."},
	ldap.LDAPResultConfidentialityRequired:      {connector.Misconfigured, "%s takes sign-ins over TLS only. Look at " + keyURLs + "."},
	ldap.LDAPResultReferral:                     {connector.Misconfigured, "%s is not the server of what is asked for, and Roster follows no referral. Look at " + keyBaseDN + ", or read the other domain by an instance of its own."},
	ldap.LDAPResultUnavailableCriticalExtension: {connector.Misconfigured, "%s does not do what Roster needs. It has to be a domain controller of Active Directory."},
	ldap.LDAPResultNoSuchObject:                 {connector.Misconfigured, "%s has nothing of the name that is set as " + keyBaseDN + "."},
	ldap.LDAPResultInvalidDNSyntax:              {connector.Misconfigured, "%s does not understand the name that is set as " + keyBaseDN + "."},
	ldap.LDAPResultInappropriateAuthentication:  {connector.Misconfigured, "%s does not take this way to sign in. Look at " + keyBindDN + " and " + keyPassword + "."},
	ldap.LDAPResultInvalidCredentials:           {connector.Misconfigured, "%s does not take the sign-in. Look at " + keyBindDN + " and " + keyPassword + "."},
	ldap.LDAPResultInsufficientAccessRights:     {connector.Misconfigured, "%s does not let the account read what is asked for. Give it the right to read users and groups."},
	ldap.LDAPResultBusy:                         {connector.Unavailable, "%s is busy."},
	ldap.LDAPResultUnavailable:                  {connector.Unavailable, "%s cannot answer at the moment."},
}

// signIns are what the data of a refused sign-in say, in hexadecimal: the system error codes of Windows that a domain
// controller adds to invalidCredentials.
var signIns = map[string]said{
	"525": {connector.Misconfigured, "%s knows no account of the name that is set as " + keyBindDN + "."},
	"52e": {connector.Misconfigured, "%s does not take the account and the password. Look at " + keyBindDN + " and " + keyPassword + "."},
	"530": {connector.Unavailable, "%s does not let the account sign in at this time of day."},
	"531": {connector.Misconfigured, "%s does not let the account sign in from this machine."},
	"532": {connector.NeedsConsent, "The password of the account has expired at %s. Give it another one there, and set " + keyPassword + "."},
	"533": {connector.NeedsConsent, "The account that reads is disabled at %s. Enable it there, or set another one."},
	"701": {connector.NeedsConsent, "The account that reads has expired at %s. Prolong it there, or set another one."},
	"773": {connector.NeedsConsent, "The account that reads has to change its password at %s first. Do that there, and set " + keyPassword + "."},
	"775": {connector.Unavailable, "The account that reads is locked at %s, after too many wrong passwords. It is tried again later; look at who else uses it."},
}

var signInData = regexp.MustCompile(`\bdata ([0-9a-fA-F]+)`)

// explain puts a refusal into words. What the server says itself goes into the log alone: it may name anybody.
func explain(host string, err error) *connector.Error {
	explained := &connector.Error{Cause: errors.New(outbound.Printable(err.Error()))}
	refused := (*ldap.Error)(nil)
	if !errors.As(err, &refused) || refused.ResultCode >= ldap.ErrorNetwork {
		explained.Message = fmt.Sprintf("%s does not answer in time, or not by LDAP. Roster tries again.", host)
		return explained
	}
	explained.Cause = &refusal{code: refused.ResultCode, said: explained.Cause}
	meaning, known := refusals[refused.ResultCode]
	if refused.ResultCode == ldap.LDAPResultInvalidCredentials {
		if data := signInData.FindStringSubmatch(refused.Err.Error()); data != nil && signIns[data[1]].text != "" {
			meaning = signIns[data[1]]
		}
	}
	if !known {
		explained.Message = fmt.Sprintf("%s refused what was asked for (LDAP result code %d).", host, refused.ResultCode)
		return explained
	}
	explained.Code, explained.Message = meaning.code, fmt.Sprintf(meaning.text, host)
	return explained
}

// refusal is the result code of an answer, for who has to tell them apart.
type refusal struct {
	code uint16
	said error
}

func (r *refusal) Error() string { return r.said.Error() }

// hasCode reports whether an error is a refusal of one of the codes.
func hasCode(err error, codes ...uint16) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, code := range codes {
		if r.code == code {
			return true
		}
	}
	return false
}
