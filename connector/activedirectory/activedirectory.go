// Package activedirectory reads the users and groups of an Active Directory domain over LDAP.
//
// A full round walks two paged searches. Where the account may replicate, it first asks how far the domain controller's
// changes have come, and later rounds ask by the control DirSync what has changed since; see "Polling for Changes Using the
// DirSync Control". Else every round is a full one: what an ordinary account is told shows neither deletions nor who has left
// a group.
package activedirectory

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/connector/dialing"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/outbound"
)

// The configuration keys.
const (
	keyURLs        = "ad.urls"
	keyBindDN      = "ad.bindDN"
	keyPassword    = "ad.password"
	keyBaseDN      = "ad.baseDN"
	keyUserFilter  = "ad.userFilter"
	keyGroupFilter = "ad.groupFilter"
	keyAttributes  = "ad.attributes"
	keyMode        = "ad.mode"
	keyProvider    = "ad.provider"
)

// The modes: how a round that is not the first one reads.
const (
	modeAuto    = "auto"
	modeDirSync = "dirsync"
	modeFull    = "full"
)

// Type is the kind of source.
var Type = connector.Type{
	ProviderType: directory.ProviderType{
		Name:        directory.TypeActiveDirectory,
		Description: "Active Directory, read over LDAP.",
		ConfigKeys:  configKeys,
	},
	Open: func(cfg connector.Config) (connector.Source, error) {
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

var configKeys = []directory.ConfigKey{
	{Key: keyURLs, Description: "The domain controllers, tried in this order, separated by commas: ldaps://host, or ldap://host, where TLS begins by StartTLS before anything else is said.", Required: true, Check: checkURLs},
	{Key: keyBindDN, Description: "The account that reads: its user principal name, its distinguished name or DOMAIN\\name.", Required: true},
	{Key: keyPassword, Description: "The password of that account.", Secret: true, Required: true},
	{Key: keyBaseDN, Description: "The distinguished name below which users and groups are read; the whole domain where it is not set.", Check: checkDN},
	{Key: keyUserFilter, Description: "An LDAP filter (RFC 4515) that users have to match, too. With it every run reads everything.", Check: checkFilter},
	{Key: keyGroupFilter, Description: "An LDAP filter that groups have to match, too. With it every run reads everything.", Check: checkFilter},
	{Key: keyAttributes, Description: "More attributes to read of users and groups, separated by commas, such as employeeID, physicalDeliveryOfficeName.", Check: checkAttributes},
	{
		Key: keyMode, Description: "How runs after the first one read: auto (default; what has changed, where the account may replicate, else everything), dirsync or full.",
		Check: connector.OneOf(modeAuto, modeDirSync, modeFull),
	},
	{Key: keyProvider, Description: "The label of the provider whose instances are the domains of the forest. Members from other domains are linked to their identities there; without it they are listed and left out."},
	connector.CACertificate,
}

// source reads one domain.
type source struct {
	urls                    []*url.URL
	account, password       string
	base                    string
	userFilter, groupFilter string
	extra                   []string
	mode, provider          string
	dialer                  *net.Dialer
	tls                     *tls.Config
	public                  bool
	log                     *slog.Logger
	// pause waits between two tries. It ends with the error of its context.
	pause func(context.Context, time.Duration) error
}

func open(cfg connector.Config) (*source, error) {
	values := cfg.Values
	for _, key := range configKeys {
		value := values[key.Key]
		if value == "" && key.Required {
			return nil, connector.Errorf(connector.Misconfigured, "The configuration key %s is not set.", key.Key)
		}
		if value == "" || key.Check == nil {
			continue
		}
		if err := key.Check(value); err != nil {
			return nil, connector.Errorf(connector.Misconfigured, "The configuration key %s cannot be used: %s.", key.Key, err)
		}
	}
	bounds := outbound.Config{CA: values[connector.CACertificate.Key], PublicOnly: !cfg.AllowPrivate}
	secure, err := bounds.TLS()
	if err != nil {
		return nil, connector.Errorf(connector.Misconfigured, "The configuration key %s cannot be used: at least one certificate in PEM is expected.", connector.CACertificate.Key)
	}
	urls, err := parseURLs(values[keyURLs])
	if err != nil {
		return nil, err
	}
	s := &source{
		urls: urls, account: values[keyBindDN], password: values[keyPassword], base: values[keyBaseDN],
		userFilter: values[keyUserFilter], groupFilter: values[keyGroupFilter], extra: listed(values[keyAttributes]),
		mode: values[keyMode], provider: values[keyProvider], dialer: bounds.Dialer(), tls: secure, public: bounds.PublicOnly,
		log: cfg.Log, pause: dialing.Pause,
	}
	if s.mode == "" {
		s.mode = modeAuto
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.mode == modeDirSync && s.filtered() {
		return nil, connector.Errorf(connector.Misconfigured, "The mode dirsync of %s does not go with %s or %s: nobody tells what no longer matches a filter. Leave them out, or use filter.users and filter.groups, which Roster applies itself.", keyMode, keyUserFilter, keyGroupFilter)
	}
	return s, nil
}

// filtered says that filters of the configuration choose what is read.
func (s *source) filtered() bool { return s.userFilter != "" || s.groupFilter != "" }

// of is what states belong to: all that says what is read of the domain.
func (s *source) of() string {
	return strings.ToLower(strings.Join(append([]string{s.base, s.userFilter, s.groupFilter, s.provider}, s.extra...), "\n"))
}

// filter matches what is read of a kind.
func (s *source) filter(kind directory.IdentityKind) string {
	if kind == directory.KindUser {
		return and(userFilter, s.userFilter)
	}
	return and(groupFilter, s.groupFilter)
}

// maxTries is how often the same part of a round is tried before the run is left to a later time.
const maxTries = 5

// trying runs a step with a connection, and again with a new one where the fault may pass: the controller is busy, or the
// network broke. The count begins anew whenever the step has come further.
func (s *source) trying(ctx context.Context, dc func() string, step func(*session) (further bool, err error)) error {
	for try := 1; ; try++ {
		further, err := false, error(nil)
		c, err := s.connect(ctx, dc())
		if err == nil {
			further, err = step(c)
			c.close()
		}
		if further {
			try = 1
		}
		if explained := connector.AsError(err); explained == nil || explained.Code != connector.Unavailable || try >= maxTries {
			return err
		}
		s.log.Info("the domain controller is asked again", "reason", err.Error(), "try", try)
		if err := s.pause(ctx, time.Second<<(try-1)); err != nil {
			return err
		}
	}
}

// anyDC asks for no particular domain controller.
func anyDC() string { return "" }

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func parseURLs(value string) (urls []*url.URL, err error) {
	for _, text := range listed(value) {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "ldaps" && u.Scheme != "ldap" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("addresses such as ldaps://dc1.corp.example are expected, separated by commas")
		}
		urls = append(urls, u)
	}
	if len(urls) == 0 || len(urls) > maxURLs {
		return nil, fmt.Errorf("one address such as ldaps://dc1.corp.example is expected, or up to %d separated by commas", maxURLs)
	}
	return urls, nil
}
