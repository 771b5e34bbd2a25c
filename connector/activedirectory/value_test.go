package activedirectory

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestObjectGUIDAsText(t *testing.T) {
	t.Parallel()
	octets, _ := hex.DecodeString("f20456ef2a7ff44b8506eced39b6dfd3")
	const text = "ef5604f2-7f2a-4bf4-8506-eced39b6dfd3"
	if got, ok := guidText(octets); !ok || got != text {
		t.Errorf("%x is %s, %v; want %s", octets, got, ok, text)
	}
	for _, wrong := range []string{"", "f20456ef2a7ff44b8506eced39b6df", "f20456ef2a7ff44b8506eced39b6dfd300"} {
		octets, _ := hex.DecodeString(wrong)
		if got, ok := guidText(octets); ok {
			t.Errorf("%q is the GUID %s", wrong, got)
		}
	}
	for _, wrong := range []string{"", "ef5604f2", "{" + text + "}", "urn:uuid:" + text, strings.ReplaceAll(text, "-", ""), text + "*"} {
		if _, ok := guidOctets(wrong); ok {
			t.Errorf("%q passes for a GUID", wrong)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		octets := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "octets")
		text, ok := guidText(octets)
		back, okBack := guidOctets(text)
		if !ok || !okBack || !bytes.Equal(octets, back) {
			t.Fatalf("%x becomes %s, and that %x", octets, text, back)
		}
	})
}

func TestSIDs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ octets, text, rid string }{
		{"010500000000000515000000e2dc97c16b219b767ea204e64f040000", "S-1-5-21-3247955170-1989878123-3859063422-1103", "1103"},
		{"01020000000000052000000020020000", "S-1-5-32-544", "544"},
		{"010100000000000100000000", "S-1-1-0", "0"},
		{"010000000000000a", "S-1-10", ""},
		{"0101000000000005", "", ""},
		{"0201000000000005ffffffff", "", ""},
		{"", "", ""},
	} {
		octets, _ := hex.DecodeString(c.octets)
		if got, _ := sidText(octets); got != c.text {
			t.Errorf("%s is %q, want %q", c.octets, got, c.text)
		}
		if got, _ := ridOf(octets); got != c.rid {
			t.Errorf("%s ends with %q, want %q", c.octets, got, c.rid)
		}
	}
	user, _ := hex.DecodeString("010500000000000515000000e2dc97c16b219b767ea204e64f040000")
	group, ok := sibling(user, 513)
	if text, _ := sidText(group); !ok || text != "S-1-5-21-3247955170-1989878123-3859063422-513" {
		t.Errorf("the primary group is %s", text)
	}
	if text, _ := sidText(user); text != "S-1-5-21-3247955170-1989878123-3859063422-1103" {
		t.Errorf("the user has become %s", text)
	}
}

func TestActiveIsABitOfUserAccountControl(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][2]bool{
		"512": {true, true}, "514": {false, true}, "546": {false, true}, "66048": {true, true}, "66050": {false, true},
		"-2147483134": {false, true}, "": {true, false}, "on": {true, false},
	} {
		if on, ok := active(value); [2]bool{on, ok} != want {
			t.Errorf("%q: %v, %v", value, on, ok)
		}
	}
}

func TestExtendedDistinguishedNames(t *testing.T) {
	t.Parallel()
	const key = "ef5604f2-7f2a-4bf4-8506-eced39b6dfd3"
	for text, want := range map[string]reference{
		"<GUID=" + key + ">;<SID=S-1-5-21-1-2-3-1103>;CN=ana,DC=corp,DC=example": {GUID: key, SID: "S-1-5-21-1-2-3-1103", DN: "CN=ana,DC=corp,DC=example"},
		"<GUID=" + strings.ToUpper(key) + ">;CN=a\\,b <c>;d,DC=corp":             {GUID: key, DN: "CN=a\\,b <c>;d,DC=corp"},
		"<GUID=f20456ef2a7ff44b8506eced39b6dfd3>;<RMD_FLAGS=0>;CN=ana,DC=corp":   {GUID: key, DN: "CN=ana,DC=corp"},
		"CN=ana,DC=corp,DC=example":                                              {DN: "CN=ana,DC=corp,DC=example"},
		"<GUID=" + key + ">":                                                     {GUID: key},
		"":                                                                       {},
		"<SID=S-1-5-11>;CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=corp,DC=exam": {SID: "S-1-5-11", DN: "CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=corp,DC=exam"},
	} {
		got, err := parseReference(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
	for _, wrong := range []string{"<GUID=" + key, "<GUID=1>;CN=a", "<GUID=" + key + ">CN=a", "<" + key + ">;CN=a", "<GUID=zz0456ef2a7ff44b8506eced39b6dfd3>;CN=a"} {
		if got, err := parseReference(wrong); err == nil {
			t.Errorf("%q is %+v", wrong, got)
		}
	}
}

func TestForeignPrincipals(t *testing.T) {
	t.Parallel()
	for dn, want := range map[string]string{
		"CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=corp,DC=example": "S-1-5-11",
		"cn=s-1-5-21-1-2-3-9,cn=foreignsecurityprincipals,DC=corp":    "s-1-5-21-1-2-3-9",
		"CN=S-1-5-11,OU=Staff,DC=corp,DC=example":                     "",
		"CN=ana,CN=ForeignSecurityPrincipals,DC=corp":                 "",
		"": "",
	} {
		sid, ok := foreignPrincipal(dn)
		if ok != (want != "") || ok && sid != want {
			t.Errorf("%q: %q, %v", dn, sid, ok)
		}
	}
	for dn, want := range map[string]bool{
		"CN=a,DC=Corp,DC=example": true, "DC=corp,DC=example": true, "CN=a,DC=sub,DC=corp,DC=example": true,
		"CN=a,DC=xcorp,DC=example": false, "CN=a,DC=other,DC=example": false, "": false,
	} {
		if got := within(dn, "DC=corp,DC=example"); got != want {
			t.Errorf("%q within: %v", dn, got)
		}
	}
}

func TestRangesOfValues(t *testing.T) {
	t.Parallel()
	for option, want := range map[string]span{
		"": {whole: true}, ";range=0-1499": {last: 1499}, ";Range=1500-*": {first: 1500, whole: true}, ";range=0-0": {},
	} {
		if got, err := parseSpan(option); err != nil || got != want {
			t.Errorf("%q: %+v, %v", option, got, err)
		}
	}
	for _, wrong := range []string{";binary", ";range=", ";range=5", ";range=-1-5", ";range=9-5", ";range=1-99999999999", ";range=*-5"} {
		if got, err := parseSpan(wrong); err == nil {
			t.Errorf("%q is %+v", wrong, got)
		}
	}
}

// parts are what a directory understands by a filter that compares one attribute.
func parts(t testing.TB, filter string) (attribute, value string) {
	t.Helper()
	p, err := ldap.CompileFilter(filter)
	if err != nil {
		t.Fatalf("%q does not compile: %v", filter, err)
	}
	if p.Tag != ldap.FilterEqualityMatch || len(p.Children) != 2 {
		t.Fatalf("%q is no comparison but %s", filter, ldap.FilterMap[uint64(p.Tag)])
	}
	return p.Children[0].Data.String(), p.Children[1].Data.String()
}

var hostileValues = []string{
	"ana", "*", "a*b", "(", ")", "\\", "\\2a", "ana)(objectClass=*", "*)(|(objectClass=*", "\x00", "a\x00b", "é", "名前", "ana\\", "&|!", "=", "a=b", " ", "",
	"\xff\xfe", "1.2.840:=*", "<GUID=x>", "O'Neil, \"Pat\" <p@x>; #1+2",
}

// Whatever a name holds, a filter that is made of it compares with that name and does nothing else.
func TestQ3FiltersAreEscaped(t *testing.T) {
	t.Parallel()
	for _, value := range hostileValues {
		if attribute, got := parts(t, equals("sAMAccountName", value)); attribute != "sAMAccountName" || got != value {
			t.Errorf("%q is compared as %s with %q", value, attribute, got)
		}
		whole := and(userFilter, equals("sAMAccountName", value), "")
		p, err := ldap.CompileFilter(whole)
		if err != nil || p.Tag != ldap.FilterAnd || len(p.Children) != 2 {
			t.Errorf("%q makes %s (%v)", value, whole, err)
		}
	}
}

func TestQ3ConfiguredFiltersAreCompiled(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"(department=Sales)", `(cn=a\2ab)`, "(&(a=b)(!(c=*d*)))", "(memberOf:1.2.840.113556.1.4.1941:=CN=Staff,DC=corp)"} {
		if err := checkFilter(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "department=Sales", "(department=Sales", "(department=Sales))", "(a=b)(c=d)", "(a)", `(a=\zz)`, `(a=\2)`, "(a=b)(|(objectClass=*)",
		strings.Repeat("(", maxFilter+1), strings.Repeat("(!", maxFilter/2),
	} {
		if err := checkFilter(bad); err == nil {
			t.Errorf("%.40s passes", bad)
		}
	}
}

// FuzzEscapeFilter: a value of anything stays one value, and its bytes are those that are compared.
func FuzzEscapeFilter(f *testing.F) {
	for _, value := range hostileValues {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if _, got := parts(t, equals("cn", value)); got != value {
			t.Errorf("%q is compared as %q", value, got)
		}
		if _, got := parts(t, octets("objectGUID", []byte(value))); got != value {
			t.Errorf("the bytes of %q are compared as %q", value, got)
		}
	})
}

// FuzzReference: names of others are read or refused, and what was read has a key of the usual form.
func FuzzReference(f *testing.F) {
	f.Add("<GUID=ef5604f2-7f2a-4bf4-8506-eced39b6dfd3>;<SID=S-1-5-11>;CN=a,DC=b")
	f.Add("<GUID=")
	f.Add("CN=S-1-5-11,CN=ForeignSecurityPrincipals,DC=b")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseReference(text)
		if _, ok := guidOctets(r.GUID); err == nil && r.GUID != "" && !ok {
			t.Errorf("%q has the key %q", text, r.GUID)
		}
		foreignPrincipal(r.DN)
		within(r.DN, "DC=b")
		if s, err := parseSpan(text); err == nil && !s.whole && s.last < s.first {
			t.Errorf("%q is %+v", text, s)
		}
	})
}
