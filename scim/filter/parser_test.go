package filter_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
)

func text(s string) filter.Value { return filter.Value{Text: s} }
func bare(s string) filter.Value { return filter.Value{Text: s, Bare: true} }

func attr(name string) filter.AttrPath {
	name, sub, _ := strings.Cut(name, ".")
	return filter.AttrPath{Name: name, Sub: sub}
}

func eq(name string, v filter.Value) filter.Expr {
	return filter.Compare{Path: attr(name), Op: directory.Equal, Value: v}
}

func TestParse(t *testing.T) {
	a, b, c := eq("a", text("1")), eq("b", text("2")), eq("c", text("3"))
	for in, want := range map[string]filter.Expr{
		`userName eq "bjensen"`: eq("userName", text("bjensen")),
		`userName EQ "bjensen"`: eq("userName", text("bjensen")),
		`  userName  eq
			"x" `: eq("userName", text("x")),
		`name.familyName co "O'Malley"`: filter.Compare{Path: attr("name.familyName"), Op: directory.Contains, Value: text("O'Malley")},
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`: filter.Compare{
			Path: filter.AttrPath{URN: "urn:ietf:params:scim:schemas:core:2.0:User", Name: "userName"}, Op: directory.StartsWith, Value: text("J"),
		},
		`title pr`:                                  filter.Present{Path: attr("title")},
		`meta.lastModified ge "2011"`:               filter.Compare{Path: attr("meta.lastModified"), Op: directory.GreaterOrEqual, Value: text("2011")},
		`active eq true`:                            eq("active", bare("true")),
		`active eq True`:                            eq("active", bare("true")),
		`active eq FALSE`:                           eq("active", bare("false")),
		`title eq null`:                             eq("title", bare("null")),
		`a eq 1.5e3`:                                eq("a", bare("1.5e3")),
		`userName eq bob@example.com`:               eq("userName", bare("bob@example.com")),
		`a eq"1"`:                                   a,
		`a eq "1" and b eq "2"`:                     filter.And{a, b},
		`a eq "1" AND b eq "2" and c eq "3"`:        filter.And{a, b, c},
		`a eq "1" or b eq "2" and c eq "3"`:         filter.Or{a, filter.And{b, c}},
		`a eq "1" and b eq "2" or c eq "3"`:         filter.Or{filter.And{a, b}, c},
		`(a eq "1" or b eq "2") and c eq "3"`:       filter.And{filter.Or{a, b}, c},
		`not (a eq "1")`:                            filter.Not{Term: a},
		`NOT(a eq "1") and b eq "2"`:                filter.And{filter.Not{Term: a}, b},
		`emails[type eq "work"]`:                    filter.Element{Path: attr("emails"), Where: eq("type", text("work"))},
		`emails[type eq "work" and value pr]`:       filter.Element{Path: attr("emails"), Where: filter.And{eq("type", text("work")), filter.Present{Path: attr("value")}}},
		`emails[type eq "work"].value eq "x"`:       filter.Element{Path: attr("emails"), Where: filter.And{eq("type", text("work")), eq("value", text("x"))}},
		`emails [ type eq "work" ].value eq x`:      filter.Element{Path: attr("emails"), Where: filter.And{eq("type", text("work")), eq("value", bare("x"))}},
		`a eq "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`: eq("a", text("\"\\/\b\f\n\r\té😀")),
		`members.$ref eq "x"`:                       eq("members.$ref", text("x")),
		`a eq "and"`:                                eq("a", text("and")),
	} {
		got, err := filter.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

// S2: what is malformed is refused.
func TestS2ParseRefuses(t *testing.T) {
	for _, in := range []string{
		``, ` `, `a`, `a eq`, `a xx "1"`, `eq "1"`, `"a" eq "1"`, `a eq "1`, `a eq "1" and`, `a eq "1" or`, `and`, `a eq "1" b eq "2"`,
		`(a eq "1"`, `a eq "1")`, `()`, `not a eq "1"`, `not`, `not ()`, `a[b eq "1"`, `a[]`, `a b eq "1"]`, `a[b[c eq "1"]]`,
		`a.b[c eq "1"]`, `a[b eq "1"].`, `a[b eq "1"].c`, `a[b eq "1"].c.d eq "2"`, `a[b eq "1"] eq "2"`, `a..b eq "1"`, `.a eq "1"`, `a. eq "1"`,
		`1a eq "1"`, `a,b eq "1"`, `a:b eq "1"`, `urn:x: eq "1"`, `a eq and`, `a eq 'x'`, `a eq (`, `a eq "\x"`, `a eq "\u12"`,
		`a eq "\ud800"`, `a eq "\ud800\u0041"`, `a eq "\udc00"`, `a eq "\u0000"`, "a eq \"\x00\"", "a eq \"\xff\"", `a pr "1"`, `a eq "1" "2"`,
		`{"a":1}`, `a = "1"`, `a eq "1"; drop table`,
	} {
		e, err := filter.Parse(in)
		if f := (*filter.Error)(nil); !errors.As(err, &f) {
			t.Errorf("%q: %v, %v", in, e, err)
		}
	}
}

// S1: a 16 KB filter, 8,000 ands and depth 33 are refused in under 10 ms.
func TestParseLimits(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("(", n) + `a pr` + strings.Repeat(")", n) }
	for name, in := range map[string]string{
		"16 KB":      `a eq "` + strings.Repeat("x", 16<<10) + `"`,
		"8,000 and":  strings.TrimSuffix(strings.Repeat("a pr and ", 8000), " and "),
		"257 terms":  strings.TrimSuffix(strings.Repeat("a pr and ", 257), " and "),
		"depth 33":   deep(33),
		"not 33":     strings.Repeat("not (", 33) + `a pr` + strings.Repeat(")", 33),
		"depth 4000": deep(4000),
	} {
		best := time.Hour
		for try := 0; best > 10*time.Millisecond && try < 100; try++ { // a busy machine holds any one of them up
			start := time.Now()
			if _, err := filter.Parse(in); err == nil {
				t.Fatalf("%s was taken", name)
			}
			best = min(best, time.Since(start))
		}
		if best > 10*time.Millisecond {
			t.Errorf("%s took %v", name, best)
		}
	}
	for name, in := range map[string]string{
		"256 terms": strings.TrimSuffix(strings.Repeat("a pr and ", 256), " and "),
		"depth 32":  deep(32),
	} {
		if _, err := filter.Parse(in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParsePath(t *testing.T) {
	for in, want := range map[string]filter.Path{
		`members`:        {Attr: attr("members")},
		`name.givenName`: {Attr: attr("name.givenName")},
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager`: {
			Attr: filter.AttrPath{URN: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", Name: "manager"},
		},
		`members[value eq "1"]`:                    {Attr: attr("members"), Where: eq("value", text("1"))},
		`emails[type eq "work"].value`:             {Attr: attr("emails"), Where: eq("type", text("work")), Sub: "value"},
		`roles[primary eq "True"].value`:           {Attr: attr("roles"), Where: eq("primary", text("True")), Sub: "value"},
		`addresses[type eq "wo\"rk\\"].postalCode`: {Attr: attr("addresses"), Where: eq("type", text(`wo"rk\`)), Sub: "postalCode"},
	} {
		got, err := filter.ParsePath(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
	for _, in := range []string{``, ` `, `a b`, `a eq "1"`, `a[`, `a[b eq "1"`, `a[b eq "1"] .c`, `a[b eq "1"].c.d`, `a[b eq "1"]c`, `[a]`, `/a`, `a.b.c`, `"a"`} {
		if p, err := filter.ParsePath(in); err == nil {
			t.Errorf("%q was taken as %v", in, p)
		}
	}
}

// What a filter is written as is read back as the same filter.
func TestStringIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyExpr(4, true).Draw(t, "filter")
		got, err := filter.Parse(want.String())
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: %s", want, diff)
		}
	})
}

func anyExpr(depth int, outside bool) *rapid.Generator[filter.Expr] {
	return rapid.Custom(func(t *rapid.T) filter.Expr {
		path := filter.AttrPath{Name: rapid.StringMatching(`[a-zA-Z][a-zA-Z0-9_-]{3,6}`).Draw(t, "name")} // long enough to be no word of the grammar
		choice := rapid.IntRange(0, 5).Draw(t, "kind")
		if depth == 0 {
			choice %= 2
		}
		switch choice {
		case 0:
			return filter.Present{Path: path}
		case 2:
			return filter.And(rapid.SliceOfN(anyExpr(depth-1, outside), 2, 3).Draw(t, "and"))
		case 3:
			return filter.Or(rapid.SliceOfN(anyExpr(depth-1, outside), 2, 3).Draw(t, "or"))
		case 4:
			return filter.Not{Term: anyExpr(depth-1, outside).Draw(t, "not")}
		case 5:
			if outside {
				return filter.Element{Path: path, Where: anyExpr(depth-1, false).Draw(t, "where")}
			}
		}
		path.URN = rapid.SampledFrom([]string{"", "urn:x:2.0:User"}).Draw(t, "urn")
		path.Sub = rapid.SampledFrom([]string{"", "value", "$ref"}).Draw(t, "sub")
		value := rapid.OneOf(
			rapid.Map(rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 && r != '\uFFFD' })), text),
			rapid.SampledFrom([]filter.Value{bare("true"), bare("false"), bare("null"), bare("12"), bare("x@y")})).Draw(t, "value")
		op := rapid.SampledFrom([]filter.Op{"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}).Draw(t, "op")
		return filter.Compare{Path: path, Op: op, Value: value}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`userName eq "bjensen"`, `not (a eq "1") and (b pr or emails[type eq "work" and value co "@x"].display ne null)`,
		`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "\ud83d\ude00"`, `((((`, `a[b`, `"`, `a eq "\`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		e, err := filter.Parse(in)
		if err != nil {
			if f := (*filter.Error)(nil); !errors.As(err, &f) {
				t.Fatalf("%q: the error %v is of type %T", in, err, err)
			}
			return
		}
		if len(e.String()) > filter.MaxLength { // writing it out can make it longer
			return
		}
		again, err := filter.Parse(e.String())
		if err != nil {
			t.Fatalf("%q: %q is not read back: %v", in, e, err)
		}
		if diff := cmp.Diff(e, again); diff != "" {
			t.Fatalf("%q: %s", in, diff)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{`members[value eq "1"]`, `emails[type eq "work"].value`, `urn:x:2.0:User:manager.value`, `a[`, `a].b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		p, err := filter.ParsePath(in)
		if err != nil || len(p.String()) > filter.MaxLength {
			return
		}
		again, err := filter.ParsePath(p.String())
		if err != nil {
			t.Fatalf("%q: %q is not read back: %v", in, p, err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Fatalf("%q: %s", in, diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"one term":   `userName eq "bjensen@example.com"`,
		"five terms": `userType eq "Employee" and (emails co "example.com" or emails.value co "example.org") and active eq true and meta.lastModified gt "2024-03-01T08:00:00Z"`,
		"16 KB":      strings.Repeat("(", 16<<10),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = filter.Parse(text)
			}
		})
	}
}
