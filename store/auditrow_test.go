package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/roster-gateway/roster/directory"
)

// last is the audit row that was written last, as its action and its detail.
func (h hr) last() (action string, detail map[string]any) {
	h.Helper()
	var text []byte
	if err := h.db.QueryRow(`SELECT action, coalesce(detail, 'null') FROM audit ORDER BY id DESC LIMIT 1`).Scan(&action, &text); err != nil {
		h.Fatal(err)
	}
	if err := json.Unmarshal(text, &detail); err != nil {
		h.Fatal(err)
	}
	return action, detail
}

// Every change says what it made of what, also one that takes a road of its own in the store.
func TestAuditSaysWhatChanged(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	apply := func(c directory.Changes) {
		t.Helper()
		c.Instance, c.Action = h.instance, t.Name()
		if _, err := h.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	is := func(want string) {
		t.Helper()
		action, got := h.last()
		var wanted map[string]any
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); action != t.Name() || diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
	}
	one, two, boss := "1", "ana@example.com", uuid.New()
	ana := directory.Put{
		UID: uuid.New(), New: true, Kind: directory.KindUser, ExternalID: &one, Name: "ana", DisplayName: "Ana", Email: &two,
		Attrs: directory.AttributeSet{"title": "Clerk", "locale": "pt"},
	}
	apply(directory.Changes{Put: []directory.Put{ana}})
	is(`{"after": {"name": "ana", "displayName": "Ana", "externalId": "1", "email": "ana@example.com", "status": "ACTIVE",
		"attributes": {"title": "Clerk", "locale": "pt"}}}`)

	ana.New, ana.Email, ana.Status, ana.Attrs = false, nil, directory.StatusDisabled, directory.AttributeSet{"title": "Head", "locale": "pt", "nickName": "A"}
	apply(directory.Changes{Put: []directory.Put{ana}})
	is(`{"before": {"email": "ana@example.com", "status": "ACTIVE", "attributes": {"title": "Clerk"}},
		"after": {"status": "DISABLED", "attributes": {"title": "Head", "nickName": "A"}}}`)

	ids := h.put(create(directory.KindGroup, "Team"), create(directory.KindUser, "bob"), create(directory.KindUser, "eve"))
	team, bob, eve := ids[0].UID, ids[1].UID, ids[2].UID
	for _, c := range []struct {
		change directory.MemberChange
		want   string
	}{
		{directory.MemberChange{Add: []uuid.UUID{bob}}, fmt.Sprintf(`{"added": {"count": 1, "ids": [%q]}}`, bob)},
		{directory.MemberChange{Add: []uuid.UUID{bob}}, `{"added": {"count": 0, "ids": []}}`},
		{directory.MemberChange{Add: []uuid.UUID{bob, eve, uuid.New()}}, fmt.Sprintf(`{"added": {"count": 1, "ids": [%q]}}`, eve)},
		{directory.MemberChange{Remove: []uuid.UUID{eve, ana.UID}}, fmt.Sprintf(`{"removed": {"count": 1, "ids": [%q]}}`, eve)},
		{directory.MemberChange{Replace: true, Add: []uuid.UUID{ana.UID}}, fmt.Sprintf(`{"added": {"count": 1, "ids": [%q]}, "removed": {"count": 1, "ids": [%q]}}`, ana.UID, bob)},
	} {
		c.change.Container = team
		apply(directory.Changes{Members: []directory.MemberChange{c.change}})
		is(c.want)
	}

	apply(directory.Changes{Managers: []directory.ManagerChange{{User: ana.UID, Manager: &bob}}})
	is(fmt.Sprintf(`{"managers": [{"user": %q, "before": null, "after": %q}]}`, ana.UID, bob))
	apply(directory.Changes{Managers: []directory.ManagerChange{{User: ana.UID, Manager: &eve}}})
	is(fmt.Sprintf(`{"managers": [{"user": %q, "before": %q, "after": %q}]}`, ana.UID, bob, eve))
	apply(directory.Changes{Managers: []directory.ManagerChange{{User: ana.UID, Manager: &boss}}}) // is nobody
	is(fmt.Sprintf(`{"managers": [{"user": %q, "before": %q, "after": null}]}`, ana.UID, eve))

	apply(directory.Changes{Delete: []directory.Delete{{UID: ana.UID, Reason: "left"}}})
	is(`{"before": {"name": "ana", "displayName": "Ana", "externalId": "1", "status": "DISABLED",
		"attributes": {"title": "Head", "locale": "pt", "nickName": "A"}}}`)

	apply(directory.Changes{Delete: []directory.Delete{{UID: bob}, {UID: eve}}})
	is(fmt.Sprintf(`{"targets": {"count": 2, "ids": [%q, %q]}}`, bob, eve))
}

// An audit row stays short, whatever is written and of how many.
func TestAuditRowsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	long := strings.Repeat("ü", 500)
	big := directory.AttributeSet{"title": strings.Repeat("x", 100_000)}
	for i := range 500 {
		big[fmt.Sprintf("attribute%03d", i)] = strings.Repeat("y", 200)
	}
	records := h.put(directory.Put{New: true, Kind: directory.KindUser, Name: "ana", Description: &long, Attrs: big})
	size := func() {
		t.Helper()
		if n := h.count(`SELECT octet_length(detail::text) FROM audit ORDER BY id DESC LIMIT 1`); n > 6000 {
			t.Errorf("the audit row has %d bytes", n)
		}
	}
	size()
	if _, detail := h.last(); !strings.Contains(fmt.Sprint(detail), "(1000 bytes)") || !strings.Contains(fmt.Sprint(detail), "501 attributes") {
		t.Errorf("what was cut is not told: %v", detail)
	}
	big["title"] = "z"
	for i := range 500 {
		big[fmt.Sprintf("attribute%03d", i)] = strings.Repeat("z", 200)
	}
	h.put(directory.Put{UID: records[0].UID, Kind: directory.KindUser, Name: "ana", Attrs: big})
	size()
	puts := []directory.Put{create(directory.KindGroup, "Team")}
	for i := range 1500 {
		puts = append(puts, create(directory.KindUser, fmt.Sprint("user", i)))
	}
	records = h.put(puts...)
	size()
	members := make([]uuid.UUID, 0, len(records))
	for _, r := range records[1:] {
		members = append(members, r.UID)
	}
	if err := h.add(records[0].UID, members...); err != nil {
		t.Fatal(err)
	}
	size()
	if _, detail := h.last(); len(detail["added"].(map[string]any)["ids"].([]any)) != directory.MaxAuditIDs || detail["added"].(map[string]any)["count"] != 1500.0 {
		t.Errorf("the members are told as %v", detail)
	}
}

func TestAuditOfSettings(t *testing.T) {
	t.Parallel()
	h := newHR(t)
	is := func(err error, want string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		_, got := h.last()
		text, _ := json.Marshal(got)
		if string(text) != want {
			t.Errorf("%s, want %s", text, want)
		}
	}
	off, follow := false, directory.DisableOld
	_, err := h.UpdateProvider(t.Context(), "HR", &off)
	is(err, `{"after":{"enabled":false},"before":{"enabled":true}}`)
	_, err = h.UpdateInstance(t.Context(), directory.InstanceUpdate{Provider: "HR", Renames: &follow})
	is(err, `{"after":{"renames":"DISABLE_OLD"},"before":{"renames":"FOLLOW"}}`)
	is(h.DeleteProvider(t.Context(), "HR"), `{"before":{"type":"SCIM"}}`)
}
