// Package sqldb is the connector of SQL databases: it reads users, groups and links by three queries of an admin's own.
//
// All of them see one moment, in one transaction that cannot write and that is never committed. What a database says of
// itself is all there is: there are no changes to ask for, so each round is a full one. A watermark, where the admin has a
// query for one, saves the rounds in which nothing has changed.
//
// The queries are the admin's, and an admin of Roster need not be one of the database. So there are two walls before it:
// a query has to be one statement that reads, by how it is written ([checkStatement]); and the database itself refuses
// what writes, as far as it can be told to.
package sqldb

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/internal/outbound"
)

// The configuration keys.
const (
	keyDriver     = "sql.driver"
	keyConnection = "sql.connectionString"
	keyPreset     = "sql.preset"
	keyUsers      = "sql.usersQuery"
	keyGroups     = "sql.groupsQuery"
	keyLinks      = "sql.linksQuery"
	keyWatermark  = "sql.watermarkQuery"
	keyTimeout    = "sql.timeout"
)

// What one query may take, its reading included, in seconds.
const (
	defaultTimeout = 600
	longestTimeout = 3600
)

// Type declares the source.
var Type = connector.Type{
	ProviderType: directory.ProviderType{
		Name:        directory.TypeSQL,
		Description: "The users and groups of an SQL database.",
		ConfigKeys: []directory.ConfigKey{
			{Key: keyDriver, Description: "The kind of database: postgres, mysql (MariaDB too) or sqlserver.", Required: true, Check: connector.OneOf("postgres", "mysql", "sqlserver")},
			{Key: keyConnection, Description: "How to connect, as a URL: postgres://user:password@host:5432/database, mysql://user:password@host:3306/database or sqlserver://user:password@host:1433?database=name. The account should be allowed to read what the queries name, and nothing else.", Required: true, Secret: true, Check: connectionURL},
			{Key: keyPreset, Description: "Ready-made queries instead of your own: k2sqlum, the CustomUM tables of K2's SQL user manager.", Check: connector.OneOf(presetK2)},
			{Key: keyUsers, Description: "The query of the users, with the columns id and username, and as far as there are any displayname, email, description, enabled and manager (the id of another user)."},
			{Key: keyGroups, Description: "The query of the groups, with the columns id and name, and description if there is any."},
			{Key: keyLinks, Description: "The query of the members of groups, with the columns group_id and member_id, and member_type (user or group) where groups have groups as members."},
			{Key: keyWatermark, Description: "A query of one value that is another one whenever users, groups or links have changed. While it is the same nothing is read."},
			{Key: keyTimeout, Description: "What one query may take, its reading included, in seconds, up to 3600; 600 where it is not set.", Check: timeout},
			connector.CACertificate,
		},
	},
	Open: func(cfg connector.Config) (connector.Source, error) {
		s, err := open(cfg)
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

func timeout(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > longestTimeout {
		return fmt.Errorf("a whole number from 1 to %d is expected", longestTimeout)
	}
	return nil
}

// source is one database, as it is configured.
type source struct {
	dialect                         *dialect
	at                              endpoint
	users, groups, links, watermark *query
	timeout                         time.Duration
	pageRows, maxRows               int
	network                         outbound.Config
	// version tells apart what is asked of whom: states of another one mean nothing.
	version string
}

// query is one query of the configuration; nil where there is none.
type query struct {
	// key is where it is set, and noun what messages call it.
	key, noun, text string
	columns         []column
}

func open(cfg connector.Config) (*source, error) {
	s := &source{dialect: dialects[cfg.Values[keyDriver]], timeout: defaultTimeout * time.Second, pageRows: pageRows, maxRows: maxRows}
	if s.dialect == nil {
		return nil, connector.Errorf(connector.Misconfigured, "%s has to be postgres, mysql or sqlserver.", keyDriver)
	}
	if seconds, err := strconv.Atoi(cfg.Values[keyTimeout]); err == nil {
		s.timeout = time.Duration(seconds) * time.Second
	}
	var err error
	if s.at, err = s.dialect.endpoint(cfg.Values[keyConnection]); err != nil {
		return nil, connector.Errorf(connector.Misconfigured, "%s cannot be used: %s.", keyConnection, err)
	}
	s.network = outbound.Config{CA: cfg.Values[connector.CACertificate.Key], PublicOnly: !cfg.AllowPrivate}
	if s.at.encrypted {
		if s.at.tls, err = s.network.TLS(); err != nil {
			return nil, connector.Errorf(connector.Misconfigured, "%s cannot be used: at least one certificate in PEM is expected.", connector.CACertificate.Key)
		}
		s.at.tls.ServerName, s.at.tls.InsecureSkipVerify = s.at.host, !s.at.verified
	}
	if err := s.ask(cfg.Values); err != nil {
		return nil, err
	}
	asked := []string{cfg.Values[keyDriver], s.at.address(), s.at.database, s.at.user}
	for _, q := range []*query{s.users, s.groups, s.links, s.watermark} {
		text := ""
		if q != nil {
			text = q.text
		}
		asked = append(asked, text)
	}
	told, _ := json.Marshal(asked)
	sum := sha256.Sum256(told)
	s.version = hex.EncodeToString(sum[:16])
	return s, nil
}

// ask sets the queries.
func (s *source) ask(values map[string]string) error {
	texts := map[string]string{}
	for _, key := range []string{keyUsers, keyGroups, keyLinks, keyWatermark} {
		texts[key] = values[key]
	}
	if preset := values[keyPreset]; preset != "" {
		ready, ok := presets[preset]
		if !ok {
			return connector.Errorf(connector.Misconfigured, "%s has to be %s, or not set.", keyPreset, presetK2)
		}
		for key, text := range ready(s.dialect) {
			if texts[key] != "" {
				return connector.Errorf(connector.Misconfigured, "Both %s and %s are set. Delete one of them.", keyPreset, key)
			}
			texts[key] = text
		}
	}
	if texts[keyUsers] == "" {
		return connector.Errorf(connector.Misconfigured, "%s is not set. Set it to the query of the users, or set %s.", keyUsers, keyPreset)
	}
	if texts[keyLinks] != "" && texts[keyGroups] == "" {
		return connector.Errorf(connector.Misconfigured, "%s is set and %s is not: there would be members of no group.", keyLinks, keyGroups)
	}
	for _, q := range []struct {
		into      **query
		key, noun string
		columns   []column
	}{
		{&s.users, keyUsers, "users query", userColumns},
		{&s.groups, keyGroups, "groups query", groupColumns},
		{&s.links, keyLinks, "links query", linkColumns},
		{&s.watermark, keyWatermark, "watermark query", nil},
	} {
		if texts[q.key] == "" {
			continue
		}
		if err := s.dialect.checkStatement(texts[q.key]); err != nil {
			return connector.Errorf(connector.Misconfigured, "%s cannot be used: %s.", q.key, err)
		}
		*q.into = &query{key: q.key, noun: q.noun, text: texts[q.key], columns: q.columns}
	}
	return nil
}
