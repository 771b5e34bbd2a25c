// Package push brings a directory in JSON Lines into a SCIM service: what is missing is created, what differs is changed,
// and what is there already costs nothing.
package push

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/roster-gateway/roster/internal/scimclient"
	"github.com/roster-gateway/roster/scim/schema"
)

// maxLine bounds a line, in bytes: a group of 100,000 members fits.
const maxLine = 16 << 20

// kind is a type of resource.
type kind struct {
	name, endpoint, schema string
	// label is the attribute that is unique beside externalId.
	label string
}

var (
	users  = &kind{"user", "/Users", scimclient.UserSchema, "userName"}
	groups = &kind{"group", "/Groups", scimclient.GroupSchema, "displayName"}
)

// entry is a line of the directory.
type entry struct {
	line       int
	kind       *kind
	attributes scimclient.Resource
	externalID string
	label      string
	// members are those that a group lists; nil where the line does not say.
	members []reference
	manager *reference
	target  *target
	result  Result
	counted bool
}

// reference names another resource by its externalId, or else its userName or displayName.
type reference struct {
	name string
	kind *kind // nil for either
}

// Read reads a directory. A line that makes no sense is an entry that has failed; only what cannot be read is an error.
func Read(from io.Reader) (*Directory, error) {
	d := &Directory{}
	in := bufio.NewReaderSize(from, 64<<10)
	for number := 1; ; number++ {
		text, err := readLine(in)
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return nil, fmt.Errorf("line %d cannot be read: %w", number, err)
		}
		if number == 1 {
			text = bytes.TrimPrefix(text, []byte("\ufeff"))
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			d.entries = append(d.entries, parse(number, text))
		}
		if last {
			d.refuseTwins()
			return d, nil
		}
	}
}

// Directory is a file of users and groups.
type Directory struct{ entries []*entry }

// Len is the number of its users and groups.
func (d *Directory) Len() int { return len(d.entries) }

func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, fmt.Errorf("it is longer than %d bytes", maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func parse(line int, text []byte) *entry {
	e := &entry{line: line, kind: users}
	if err := json.Unmarshal(text, &e.attributes); err != nil || e.attributes == nil {
		return e.fail("this is no JSON object")
	}
	if err := e.read(); err != nil {
		return e.fail(err.Error())
	}
	return e
}

func (e *entry) fail(reason string) *entry {
	e.result = Result{Line: e.line, Outcome: Failed, Reason: reason}
	return e
}

// read finds out what an entry is, and takes out what a client does not decide or what is sent in a form of its own.
func (e *entry) read() error {
	e.kind = kindOf(e.attributes)
	var err error
	if e.externalID, err = e.text("externalId"); err != nil {
		return err
	}
	if e.label, err = e.text(e.kind.label); err != nil {
		return err
	}
	if e.label == "" {
		return fmt.Errorf("the %s has no %s", e.kind.name, e.kind.label)
	}
	if e.kind == groups {
		if members, ok := schema.Lookup(e.attributes, "members"); ok {
			if e.members, err = readMembers(members); err != nil {
				return err
			}
		}
	} else if e.manager, err = e.takeManager(); err != nil {
		return err
	}
	maps.DeleteFunc(e.attributes, func(name string, _ any) bool {
		return slices.ContainsFunc([]string{"id", "meta", "groups", "members", "schemas"}, func(known string) bool { return strings.EqualFold(name, known) })
	})
	return nil
}

// kindOf tells groups from users by their schemas, or by what only one of them has.
func kindOf(attributes scimclient.Resource) *kind {
	schemas, _ := schema.Lookup(attributes, "schemas")
	list, _ := schemas.([]any)
	for _, urn := range list {
		for _, k := range []*kind{users, groups} {
			if text, _ := urn.(string); strings.EqualFold(text, k.schema) {
				return k
			}
		}
	}
	if _, named := schema.Lookup(attributes, users.label); named {
		return users
	}
	return groups
}

func (e *entry) text(name string) (string, error) {
	value, _ := schema.Lookup(e.attributes, name)
	text, ok := value.(string)
	if value != nil && !ok {
		return "", fmt.Errorf("%s is no text", name)
	}
	return text, nil
}

// readMembers reads the members of a group, in SCIM's form or as plain texts.
func readMembers(value any) ([]reference, error) {
	list, ok := value.([]any)
	if !ok && value != nil {
		return nil, errors.New("members is no list")
	}
	out := make([]reference, 0, len(list))
	for _, member := range list {
		r, err := readReference(member)
		if err != nil {
			return nil, fmt.Errorf("members: %w", err)
		}
		out = append(out, *r)
	}
	return out, nil
}

func readReference(value any) (*reference, error) {
	r := &reference{}
	switch value := value.(type) {
	case string:
		r.name = value
	case map[string]any:
		name, _ := schema.Lookup(value, "value")
		r.name, _ = name.(string)
		of, _ := schema.Lookup(value, "type")
		switch text, _ := of.(string); strings.ToLower(text) {
		case "user":
			r.kind = users
		case "group":
			r.kind = groups
		}
	}
	if r.name == "" {
		return nil, errors.New("one of them has no value")
	}
	return r, nil
}

// takeManager takes the manager out of the enterprise extension. An empty one stays, to be cleared.
func (e *entry) takeManager() (*reference, error) {
	value, _ := schema.Lookup(e.attributes, scimclient.EnterpriseSchema)
	extension, ok := value.(map[string]any)
	if !ok {
		return nil, nil
	}
	manager, ok := schema.Lookup(extension, "manager")
	if !ok || isEmpty(manager) {
		return nil, nil
	}
	r, err := readReference(manager)
	if err != nil {
		return nil, errors.New("manager: it has no value")
	}
	r.kind = users
	maps.DeleteFunc(extension, func(name string, _ any) bool { return strings.EqualFold(name, "manager") })
	return r, nil
}

// refuseTwins lets the first of several entries stand that would be one resource.
func (d *Directory) refuseTwins() {
	type key struct {
		kind           *kind
		attribute, key string
	}
	seen := map[key]int{}
	for _, e := range d.entries {
		if e.result.Outcome == Failed {
			continue
		}
		for _, k := range []key{{e.kind, "externalId", e.externalID}, {e.kind, e.kind.label, strings.ToLower(e.label)}} {
			if k.key == "" {
				continue
			}
			if first, twice := seen[k]; twice {
				e.fail(fmt.Sprintf("line %d has the same %s", first, k.attribute))
				break
			}
			seen[k] = e.line
		}
	}
}
