package filter_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

const (
	enterprise = schema.EnterpriseUserURN
	someID     = "2819c223-7f76-453a-919d-413861904646"
)

func user() *schema.ResourceType { return schema.Default().ResourceType("User") }

func bound(t testing.TB, text string) *filter.Filter {
	t.Helper()
	e, err := filter.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	f, err := filter.Bind(e, user())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

var binding = filter.Binding{
	Columns: map[string]directory.Column{
		"id": directory.ColumnUID, "externalId": directory.ColumnExternalID, "userName": directory.ColumnName,
		"active": directory.ColumnActive, "meta.lastModified": directory.ColumnUpdatedAt, "meta.version": directory.ColumnVersion,
	},
	Kind: directory.KindUser,
	Links: map[string]filter.Link{
		"groups":                {Way: directory.Up, Types: map[directory.IdentityKind]string{directory.KindGroup: "direct"}},
		enterprise + ":manager": {Manager: true},
	},
	Constants: map[string]string{"meta.resourceType": "User"},
	Locate: func(address string) (directory.IdentityKind, string, bool) {
		if id, ok := strings.CutPrefix(address, "https://x/Users/"); ok {
			return directory.KindUser, id, true
		}
		id, ok := strings.CutPrefix(address, "https://x/Groups/")
		return directory.KindGroup, id, ok
	},
}

func in(path ...string) directory.Operand { return directory.Operand{Path: path} }

func column(c directory.Column) directory.Operand { return directory.Operand{Column: c} }

func is(o directory.Operand, op filter.Op, v any) directory.Predicate {
	return directory.Compare{Operand: o, Op: op, Value: v}
}

func TestCompile(t *testing.T) {
	exact := func(o directory.Operand) directory.Operand { o.CaseExact = true; return o }
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	work := is(in("type"), "eq", "work")
	always, never := directory.And{}, directory.Or{}
	uid := exact(column(directory.ColumnUID))
	manager := directory.Linked{Manager: true, Where: is(uid, "eq", someID)}
	group := directory.Linked{Way: directory.Up, Where: is(uid, "eq", someID)}
	ofKind := func(k directory.IdentityKind) directory.Predicate {
		return is(column(directory.ColumnKind), "eq", string(k))
	}
	for text, want := range map[string]directory.Predicate{
		`userName eq "A"`:                             is(column(directory.ColumnName), "eq", "A"),
		schema.UserURN + `:USERNAME eq "A"`:           is(column(directory.ColumnName), "eq", "A"),
		`externalId eq "A"`:                           is(exact(column(directory.ColumnExternalID)), "eq", "A"),
		`id eq "` + someID + `"`:                      is(exact(column(directory.ColumnUID)), "eq", someID),
		`id eq "` + strings.ToUpper(someID) + `"`:     never,
		`id eq "7"`:                                   never,
		`id ne "7"`:                                   directory.Not{Term: never},
		`active eq "True"`:                            is(column(directory.ColumnActive), "eq", true),
		`title co "%_"`:                               is(in("title"), "co", "%_"),
		`title eq 7`:                                  is(in("title"), "eq", "7"),
		`title ne "x"`:                                is(in("title"), "ne", "x"),
		`title eq null`:                               directory.Not{Term: directory.Present{Operand: in("title")}},
		`title ne null`:                               directory.Present{Operand: in("title")},
		`name.givenName sw "J"`:                       is(in("name", "givenName"), "sw", "J"),
		`name pr`:                                     directory.Present{Operand: in("name")},
		`emails pr`:                                   directory.Present{Operand: in("emails")},
		`emails.value pr`:                             directory.Element{Path: []string{"emails"}, Where: directory.Present{Operand: in("value")}},
		`emails eq "x"`:                               directory.Element{Path: []string{"emails"}, Where: is(in("value"), "eq", "x")},
		`emails.type ne "work"`:                       directory.Not{Term: directory.Element{Path: []string{"emails"}, Where: work}},
		`emails[type ne "work"]`:                      directory.Element{Path: []string{"emails"}, Where: is(in("type"), "ne", "work")},
		`emails[type eq "work"].value eq "x"`:         directory.Element{Path: []string{"emails"}, Where: directory.And{work, is(in("value"), "eq", "x")}},
		`emails[primary eq True]`:                     directory.Element{Path: []string{"emails"}, Where: is(in("primary"), "eq", true)},
		enterprise + `:department eq "d"`:             is(in(enterprise, "department"), "eq", "d"),
		`department eq "d"`:                           is(in(enterprise, "department"), "eq", "d"),
		`meta.lastModified gt "2024-03-01T08:00:00Z"`: is(exact(column(directory.ColumnUpdatedAt)), "gt", at),
		`meta.lastModified gt "2024-03-01T09:00:00+01:00"`:  is(exact(column(directory.ColumnUpdatedAt)), "gt", at),
		`meta.lastModified gt "2024-03-01T08:00:00"`:        is(exact(column(directory.ColumnUpdatedAt)), "gt", at),
		`meta.version eq "W/\"5\""`:                         is(exact(column(directory.ColumnVersion)), "eq", json.Number("5")),
		`meta.version eq "5"`:                               never,
		`meta.resourceType eq "User"`:                       always,
		`meta.resourceType eq "Group"`:                      never,
		`meta.resourceType ne "Group"`:                      always,
		`schemas eq "` + schema.UserURN + `"`:               always,
		`schemas eq "` + enterprise + `"`:                   directory.Or{directory.Present{Operand: in(enterprise)}, directory.Linked{Manager: true}},
		`schemas ne "urn:x"`:                                directory.Not{Term: never},
		`schemas pr`:                                        always,
		`groups.value eq "` + someID + `"`:                  group,
		`groups[value eq "` + someID + `"]`:                 group,
		`groups[value eq "` + someID + `" or value eq "7"]`: directory.Linked{Way: directory.Up, Where: directory.Or{is(uid, "eq", someID), never}},
		`groups ne "` + someID + `"`:                        directory.Not{Term: group},
		`groups pr`:                                         directory.Linked{Way: directory.Up},
		`groups.type eq "DIRECT"`:                           directory.Linked{Way: directory.Up, Where: directory.Or{ofKind(directory.KindGroup)}},
		`groups[not (display co "a") and $ref eq "https://x/Groups/` + someID + `"]`: directory.Linked{Way: directory.Up, Where: directory.And{
			directory.Not{Term: is(column(directory.ColumnDisplayName), "co", "a")}, directory.And{is(uid, "eq", someID), ofKind(directory.KindGroup)},
		}},
		`manager pr`:                 directory.Linked{Manager: true},
		`manager eq null`:            directory.Not{Term: directory.Linked{Manager: true}},
		`manager.displayName sw "x"`: directory.Linked{Manager: true, Where: is(column(directory.ColumnDisplayName), "sw", "x")},
		`meta.location eq "https://x/Users/` + someID + `"`:  is(uid, "eq", someID),
		`meta.location eq "https://x/Groups/` + someID + `"`: never,
		`id sw "28"`:                                      is(uid, "sw", "28"),
		`meta.version co "5"`:                             is(exact(column(directory.ColumnVersion)), "co", "5"),
		`meta.version eq "\"5\""`:                         never,
		`schemas co "enterprise"`:                         directory.Or{directory.Present{Operand: in(enterprise)}, directory.Linked{Manager: true}},
		`schemas sw "urn"`:                                always,
		`name[givenName eq "x"]`:                          directory.And{directory.Present{Operand: in("name")}, is(in("name", "givenName"), "eq", "x")},
		`meta[resourceType eq "User"]`:                    directory.And{always, always},
		`manager eq "` + someID + `"`:                     manager,
		enterprise + `:manager.value eq "` + someID + `"`: manager,
		`manager eq "nobody"`:                             never,
		`userName eq "a" and (title pr or not (active eq false))`: directory.And{
			is(column(directory.ColumnName), "eq", "a"),
			directory.Or{directory.Present{Operand: in("title")}, directory.Not{Term: is(column(directory.ColumnActive), "eq", false)}},
		},
	} {
		got, err := bound(t, text).Compile(binding)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// A filter that cannot be answered is refused: never all rows, never a silent empty list.
func TestUnanswerableFiltersAreRefused(t *testing.T) {
	for _, text := range []string{
		`nonsense eq "x"`, `name.nonsense eq "x"`, `emails[nonsense eq "x"]`, `urn:x:y eq "1"`, `password eq "x"`, `password pr`,
		`name eq "x"`, `addresses eq "x"`, `active gt true`, `active co "t"`, `active eq "maybe"`, `emails[primary gt true]`,
		`meta.lastModified co "2024"`, `meta.lastModified eq "yesterday"`, `title gt null`, `x509Certificates.value gt "a"`,
		`userName[value eq "x"]`, `title[x eq "y"]`, enterprise + ` eq "x"`, `emails[type.value eq "x"]`,
		`meta.location co "x"`, `groups.$ref gt "x"`, `groups[$ref sw "https"]`, `name[nonsense eq "x"]`, `name[givenName.x eq "x"]`,
	} {
		e, err := filter.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var p directory.Predicate
		f, err := filter.Bind(e, user())
		if err == nil {
			p, err = f.Compile(binding)
		}
		if _, ok := err.(*filter.Error); !ok {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
}

const bjensen = `{
	"userName": "bjensen@example.com", "externalId": "701984", "title": "Tour Guide", "active": true,
	"name": {"givenName": "Barbara", "familyName": "Jensen"},
	"emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}, {"value": "Babs@jensen.org", "type": "home"}],
	"` + enterprise + `": {"department": "Tours", "manager": {"value": "26118915"}},
	"meta": {"lastModified": "2024-03-01T08:00:00Z"}}`

func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	out := map[string]any{}
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestMatch(t *testing.T) {
	resource := decode(t, bjensen)
	for text, want := range map[string]bool{
		`userName eq "BJensen@example.com"`:               true,
		`externalId eq "701984"`:                          true,
		`externalId eq "70198"`:                           false,
		`userName sw "bj" and title ew "guide"`:           true,
		`title co "ur G"`:                                 true,
		`title eq "x" or title gt "Tour"`:                 true,
		`title lt "A"`:                                    false,
		`title ge "tour guide"`:                           true,
		`title le "tour guide"`:                           true,
		`nickName ne "x"`:                                 true,
		`nickName eq "x"`:                                 false,
		`nickName eq null`:                                true,
		`not (nickName pr)`:                               true,
		`active eq true`:                                  true,
		`active ne true`:                                  false,
		`emails[type eq "work" and value co "@example"]`:  true,
		`emails[type eq "work" and value co "@jensen"]`:   false,
		`emails.type eq "work" and emails co "@jensen"`:   true,
		`emails eq "babs@JENSEN.org"`:                     true,
		`emails ne "babs@jensen.org"`:                     false,
		`emails[primary ne true]`:                         true,
		`department eq "tours"`:                           true,
		enterprise + `:manager.value eq "26118915"`:       true,
		`manager eq "2"`:                                  false,
		`meta.lastModified gt "2024-02-01T00:00:00Z"`:     true,
		`meta.lastModified le "2024-03-01T07:59:59.999Z"`: false,
		`phoneNumbers pr`:                                 false,
		`phoneNumbers[type eq "work"]`:                    false,
	} {
		if got := bound(t, text).Match(resource); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestEqualities(t *testing.T) {
	for text, want := range map[string]map[string]any{
		`type eq "work"`:                       {"type": "work"},
		`type eq "work" and primary eq "True"`: {"type": "work", "primary": true},
		`type eq "work" and (value eq "x")`:    {"type": "work", "value": "x"},
		`type eq "work" and type eq "work"`:    {"type": "work"},
		`type eq "work" and type eq "home"`:    nil,
		`type ne "work"`:                       nil,
		`type eq "work" or type eq "home"`:     nil,
		`not (type eq "work")`:                 nil,
		`type pr`:                              nil,
		`type eq null`:                         nil,
	} {
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		f, err := filter.BindElement(e, user().Core.Attribute("emails"))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := f.Equalities()
		if !ok {
			got = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}
