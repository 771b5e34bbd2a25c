package directory_test

import (
	"strings"
	"testing"

	"github.com/roster-gateway/roster/directory"
)

// Whatever passes the checks fits every column and index; whatever does not is refused with the field's name.
func TestTextAtTheLimitsIsStoredOrRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	long := strings.Repeat("L", 256)
	if _, err := f.AddProvider(f.ctx, long+"L", directory.TypeActiveDirectory, true); !directory.HasCode(err, directory.CodeBadInput) {
		t.Errorf("a label of 257 bytes: %v", err)
	}
	i := f.instance(long, directory.TypeActiveDirectory, strings.Repeat("I", 256))
	name := strings.Repeat("n", 1024)
	email := strings.Repeat("e", 1024)
	folding := strings.Repeat("ŉ", 512)                           // its key is half as long again
	for _, name := range []string{name, name, folding, folding} { // the second of each is distinguished
		put := group(name)
		put.DisplayName, put.Email = strings.Repeat("d", 1024), &email
		if r := f.put(i, put)[0]; f.byFQN(r.FQN) == nil {
			t.Error("not found by its FQN")
		}
	}
	nul, bad, empty := "a\x00b", "a\xffb", ""
	for name, put := range map[string]directory.Put{
		"a long name":               user(name + "n"),
		"a blank name":              user(" \t"),
		"NUL in a name":             user(nul),
		"invalid UTF-8 in a name":   user(bad),
		"NUL in an attribute":       {New: true, Kind: directory.KindUser, Name: "x", Attrs: directory.AttributeSet{"title": nul}},
		"NUL in an attribute name":  {New: true, Kind: directory.KindUser, Name: "x", Attrs: directory.AttributeSet{nul: "x"}},
		"NUL in an element":         {New: true, Kind: directory.KindUser, Name: "x", Attrs: directory.AttributeSet{"emails": []any{map[string]any{"value": nul}}}},
		"invalid UTF-8 in an email": {New: true, Kind: directory.KindUser, Name: "x", Email: &bad},
		"an empty external id":      {New: true, Kind: directory.KindUser, Name: "x", ExternalID: &empty},
		"a status that is a delete": {New: true, Kind: directory.KindUser, Name: "x", Status: directory.StatusDeleted},
	} {
		if _, err := f.Apply(f.ctx, directory.Changes{Instance: i, Put: []directory.Put{put}}); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	search := name + "n"
	if _, err := f.Reader().Identities(directory.ListArgs{PageArgs: directory.PageArgs{First: 1}, Search: &search}); err != nil {
		t.Errorf("a long search: %v", err)
	}
	page, err := f.Reader().Users(directory.ListArgs{PageArgs: directory.PageArgs{First: 1}, Filter: directory.ListQuery{NameKey: &nul}})
	if err != nil {
		t.Fatal(err)
	}
	if nodes, err := page.Nodes(f.ctx); err != nil || len(nodes) != 0 {
		t.Errorf("a filter that nothing can match: %v, %v", nodes, err)
	}
}

func TestSearchMatchesWordPrefixes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hr := f.instance("HR", directory.TypeSCIM, "")
	mail := "a.lopez@contoso.example"
	ana := user("ana.lopez")
	ana.DisplayName, ana.Email = "Ana López-Niño", &mail
	f.put(hr, ana, user("bo"), group("Lopez family"))
	for search, want := range map[string][]string{
		"ana":           {"HR:ana.lopez"},
		"LÓP":           {"HR:ana.lopez"},
		"lop":           {"HR:ana.lopez", "HR:Lopez family"},
		"niño ana":      {"HR:ana.lopez"},
		"contoso":       {"HR:ana.lopez"},
		"a.lopez@cont":  {"HR:ana.lopez"},
		"opez":          {},
		"' & | ! :* \\": {},
		"'; DROP":       {},
		"":              {"HR:ana.lopez", "HR:bo", "HR:Lopez family"},
		"  ":            {"HR:ana.lopez", "HR:bo", "HR:Lopez family"},
		"%":             {},
	} {
		page, err := f.Reader().Identities(directory.ListArgs{PageArgs: directory.PageArgs{First: 10}, Search: &search})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "search "+search, nodeFQNs(f, page), want)
	}
}
