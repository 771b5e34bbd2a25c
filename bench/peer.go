package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/bench/load"
)

// peer is another server that holds the data set. Texts hold placeholders, which stand for the keys of a workload.
type peer struct {
	Address   string
	Headers   map[string]string
	Workloads map[string]struct {
		Method, Path, Body string
		Status             int
		// Contains are texts that every right answer holds, and AtLeast is its least size in bytes.
		Contains []string
		AtLeast  int
	}
}

func readPeer(path string) (*peer, error) {
	p := &peer{}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for name := range p.Workloads {
		if !slices.Contains(peerWorkloads, name) {
			return nil, fmt.Errorf("%s: a peer cannot be measured at %q; it can at %s", path, name, strings.Join(peerWorkloads, ", "))
		}
	}
	return p, nil
}

// peerWorkloads are the workloads that have placeholders.
var peerWorkloads = []string{"user", "page", "members", "diamond", "check", "principals", "resolve", "scim-get", "scim-filter"}

// peerSide is the peer under a workload, if there is a peer that knows it.
func (b *bench) peerSide(name string) []side {
	if b.other == nil {
		return nil
	}
	w, known := b.other.Workloads[name]
	if !known {
		return nil
	}
	headers := ""
	for key, value := range b.other.Headers {
		headers += key + ": " + value + "\r\n"
	}
	keys := b.placeholders(name)
	requests, contains := make([][]byte, len(keys)), make([][]string, len(keys))
	for i, key := range keys {
		fill := strings.NewReplacer(key...)
		requests[i] = load.AppendRequest(nil, w.Method, fill.Replace(w.Path), fill.Replace(headers), []byte(fill.Replace(w.Body)))
		for _, text := range w.Contains {
			contains[i] = append(contains[i], fill.Replace(text))
		}
	}
	if w.Status == 0 {
		w.Status = 200
	}
	return []side{{address: b.other.Address, script: &load.Script{
		Status: w.Status, Next: load.Fixed(requests),
		Check: func(key int, body []byte) error {
			for _, text := range contains[key] {
				if !bytes.Contains(body, []byte(text)) {
					return fmt.Errorf("the peer's answer does not hold %q: %.300s", text, body)
				}
			}
			if len(body) < w.AtLeast {
				return fmt.Errorf("the peer's answer has %d bytes: %.300s", len(body), body)
			}
			return nil
		},
	}}}
}

// placeholders are those of each key of a workload, with what they stand for.
func (b *bench) placeholders(name string) [][]string {
	k := b.keys
	var out [][]string
	switch name {
	case "members":
		for _, g := range k.middling {
			out = append(out, b.groupPlaceholders(g))
		}
	case "diamond":
		out = append(out, b.groupPlaceholders(b.data.DiamondTop))
	case "check":
		for _, c := range k.checks {
			out = append(out, append(append(b.userPlaceholders(c.user), b.groupPlaceholders(c.group)...), "{{is}}", strconv.FormatBool(c.is)))
		}
	case "resolve":
		for _, set := range k.sets {
			var ids, fqns []string
			for _, g := range set {
				ids, fqns = append(ids, b.data.Groups[g].UID.String()), append(fqns, b.data.Groups[g].FQN())
			}
			out = append(out, []string{"{{groupIds}}", list(ids), "{{fqns}}", list(fqns)})
		}
	default:
		for _, u := range k.users {
			out = append(out, b.userPlaceholders(u))
		}
	}
	return out
}

func (b *bench) userPlaceholders(user int) []string {
	u := &b.data.Users[user]
	return []string{"{{userId}}", u.UID.String(), "{{userName}}", u.UserName, "{{userFqn}}", u.FQN(), "{{user}}", strconv.Itoa(user)}
}

func (b *bench) groupPlaceholders(group int) []string {
	g := &b.data.Groups[group]
	return []string{"{{groupId}}", g.UID.String(), "{{groupName}}", g.Name, "{{groupFqn}}", g.FQN()}
}

// list is a JSON list of texts.
func list(texts []string) string {
	text, _ := json.Marshal(texts) // texts can always be encoded
	return string(text)
}
