package scim_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/scim/schema"
)

// peers are other implementations of SCIM, from npm, which Node.js runs.
type peers struct {
	in  io.Writer
	out *bufio.Reader
}

// newPeers starts them. make conformance has installed them; elsewhere the test is skipped.
func newPeers(t *testing.T) *peers {
	t.Helper()
	if _, err := os.Stat("../conformance/node_modules"); err != nil && !inFull {
		t.Skip("the other implementations are not installed: make conformance does that")
	}
	node := exec.Command("node", "peers.mjs")
	node.Dir = "../conformance"
	node.Stderr = t.Output()
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = node.Wait()
	})
	return &peers{in, bufio.NewReader(out)}
}

// ask asks a question, and returns what a peer has against it.
func (p *peers) ask(t rapid.TB, question map[string]any, answer any) (refused string) {
	t.Helper()
	text, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", text); err != nil {
		t.Fatal(err)
	}
	said, err := p.out.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var e struct{ Error string }
	if err := json.Unmarshal(said, &e); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	if err := json.Unmarshal(said, answer); err != nil {
		t.Fatalf("%s: %v", said, err)
	}
	return e.Error
}

// peerPeople have no capital letters and no empty texts, and all have what peerTexts lists.
var peerPeople = []string{
	`{"userName":"ana@x","title":"boss","nickName":"a1","name":{"givenName":"ana","familyName":"berg"},"active":true,
		"emails":[{"value":"ana@work","type":"work","display":"office"},{"value":"ana@home","type":"home"}],"` + enterprise + `":{"department":"sales"}}`,
	`{"userName":"ben@x","title":"fellow","nickName":"b2","name":{"givenName":"ben"},"active":false,"emails":[{"value":"ben@home","type":"work"}]}`,
	`{"userName":"eve@y","title":"boss 2","nickName":"c3","name":{"givenName":"eve","familyName":"ana"},"active":true,
		"roles":[{"value":"admin","primary":true},{"value":"work"}],"` + enterprise + `":{"department":"work","costCenter":"7"}}`,
	`{"userName":"zoe","title":"x","nickName":"d4","name":{"givenName":"x"},"active":true,"emails":[{"value":"x","type":"other"}]}`,
}

// peerTexts are attributes that each of peerPeople has, once.
var peerTexts = []string{"userName", "title", "nickName", "name.givenName"}

// peerFilter draws a filter that RFC 7644 means as scim2-parse-filter does. That one knows no schemas, so that some is left
// out: it compares in exact case; ne does not hold for an absent attribute, and holds where any of several values
// differs; the terms in brackets may hold for different values; a list does not stand for its value; the URN of the core
// schema is none to it.
func peerFilter(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		kind := rapid.IntRange(0, 8).Draw(t, "kind")
		if depth == 0 {
			kind %= 5
		}
		inner := func(name string) string { return peerFilter(depth-1).Draw(t, name) }
		one := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
		value := func() string {
			return fmt.Sprintf("%q", one("value", "ana@x", "ana", "boss", "work", "home", "x", "@", "b", "sales", "ben@home", "7"))
		}
		compare := func() string { return one("op", "eq", "co", "sw", "ew", "gt", "ge", "lt", "le") }
		switch kind {
		case 0:
			return one("path", append(peerTexts, "name.familyName", "emails.value", enterprise+":department", "roles")...) + " pr"
		case 1:
			return "active " + one("active", "eq true", "eq false", "ne true")
		case 2:
			return one("path", peerTexts...) + " ne " + value()
		case 3:
			sub := fmt.Sprintf(`%s %s %s`, one("sub", "value", "type"), compare(), value())
			if rapid.Bool().Draw(t, "both") {
				sub += " or " + fmt.Sprintf(`%s %s %s`, one("sub", "value", "type", "display"), compare(), value())
			}
			return "emails[" + sub + "]"
		case 5:
			return inner("left") + one("and", " and ", " or ", " AND ") + inner("right")
		case 6:
			return "(" + inner("term") + ")"
		case 7:
			return "not (" + inner("term") + ")"
		}
		return one("path", append(peerTexts, "name.familyName", "emails.value", "emails.type", "roles.value", enterprise+":department", enterprise+":costCenter")...) +
			" " + compare() + " " + value()
	})
}

// TestPeer_Filters: scim2-parse-filter selects of the resources that the server shows those that the server lists.
func TestPeer_Filters(t *testing.T) {
	t.Parallel()
	p, w := newPeers(t), newWorld(t)
	resources := []any{}
	for _, body := range peerPeople {
		resources = append(resources, w.post("/Users", body).is(http.StatusCreated).body)
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := peerFilter(3).Draw(rt, "filter")
		var said struct{ Selected []bool }
		if refused := p.ask(rt, map[string]any{"ask": "filter", "text": text, "resources": resources}, &said); refused != "" {
			rt.Fatalf("%s: the other one refuses it: %s", text, refused)
		}
		want := []string{}
		for i, selected := range said.Selected {
			if selected {
				want = append(want, resources[i].(map[string]any)["id"].(string))
			}
		}
		if diff := cmp.Diff(want, w.list("/Users", text).ids()); diff != "" {
			rt.Fatalf("%s (-other +ours): %s", text, diff)
		}
	})
}

// peerOperation draws an operation that RFC 7644 means as scim-patch does. Left out is what that one does without a
// schema: it keeps several primary values, knows names in one case only, does not take the forms of Entra ID, and replaces a complex value
// whole, whose other sub-attributes section 3.5.2.3 keeps, and adds a value of a type that is there already (RFC 7643
// section 2.4) where the two differ in their display.
func peerOperation() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		one := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
		set := func() string { return one("op", "add", "replace") }
		value := func() string { return one("value", "a", "b", "c@x", "d@y") }
		email := func() map[string]any {
			return map[string]any{"value": value(), "type": one("type", "work", "home", "other")}
		}
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			return op(set(), one("path", "title", "nickName", "displayName", "name.givenName", "name.familyName", enterprise+":department", schema.UserURN+":title"), value())
		case 1:
			return map[string]any{"op": "remove", "path": one("path", "title", "nickName", "displayName", "name.givenName", "name.familyName", enterprise+":department")}
		case 2:
			added := email()
			added["value"] = one("added", "new 1", "new 2")
			return op("add", "emails", []any{added})
		case 3:
			return op("replace", "emails", []any{email(), map[string]any{"value": "second", "type": "home"}})
		case 4:
			return map[string]any{"op": "remove", "path": fmt.Sprintf("emails[%s eq %q]", one("sub", "type", "value"), one("value", "work", "home", "a", "c@x"))}
		case 5:
			return op("replace", fmt.Sprintf("emails[type eq %q].value", one("type", "work", "home")), value())
		case 6:
			return map[string]any{"op": set(), "value": map[string]any{"title": value(), "nickName": value()}}
		}
		return map[string]any{"op": "replace", "value": map[string]any{"emails": []any{email()}}}
	})
}

// TestPeer_Patch: scim-patch makes of what the server shows what the server shows after the same operations. Where one of
// them refuses a path that leads nowhere, there is nothing to compare.
func TestPeer_Patch(t *testing.T) {
	t.Parallel()
	p, w := newPeers(t), newWorld(t)
	compared, all, number := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		operations := []any{}
		for _, o := range rapid.SliceOfN(peerOperation(), 1, 4).Draw(rt, "operations") {
			operations = append(operations, o)
		}
		number++
		all++
		body := rapid.SampledFrom(peerPeople).Draw(rt, "user")
		user := object(t, body)
		user["userName"] = fmt.Sprint("u", number)
		id := w.post("/Users", user).is(http.StatusCreated).text("id")
		before := w.get("/Users/" + id).body
		a := w.do(http.MethodPatch, "/Users/"+id, map[string]any{"Operations": operations})
		var said struct{ Resource map[string]any }
		refused := p.ask(rt, map[string]any{"ask": "patch", "resource": before, "operations": operations}, &said)
		if a.status == http.StatusBadRequest || refused != "" {
			return
		}
		a.is(http.StatusNoContent)
		compared++
		if diff := cmp.Diff(essence(said.Resource), essence(echo(t, w.get("/Users/"+id)))); diff != "" {
			rt.Fatalf("%v (-other +ours): %s", operations, diff)
		}
	})
	if compared*2 < all {
		t.Errorf("only %d of %d requests could be compared", compared, all)
	}
}

// essence is a resource without what the server alone decides, and without what is empty.
func essence(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, v := range value {
			if v = essence(v); v != nil && name != "meta" && name != "schemas" {
				out[name] = v
			}
		}
		if len(out) > 0 {
			return out
		}
		return nil
	case []any:
		out := []any{}
		for _, v := range value {
			if v = essence(v); v != nil {
				out = append(out, v)
			}
		}
		if len(out) > 0 {
			return out
		}
		return nil
	}
	return value
}

// schemaDiffers lists where SCIMMY's schemas say something else than ours, and why ours stays.
var schemaDiffers = map[string]string{
	schema.GroupURN + ".members.display": "RFC 7643 section 8.7.1 does not list it; here it is the member's own name, which no client sets",
}

// TestPeer_Schemas: SCIMMY knows the same attributes with the same types, and takes the resources that the server sends for
// ones of these schemas, whole.
func TestPeer_Schemas(t *testing.T) {
	t.Parallel()
	p, w := newPeers(t), newWorld(t)
	var said struct{ Schemas []map[string]any }
	if refused := p.ask(t, map[string]any{"ask": "schemas"}, &said); refused != "" {
		t.Fatal(refused)
	}
	for _, theirs := range said.Schemas {
		id := theirs["id"].(string)
		ours := echo(t, w.get("/Schemas/"+id).is(http.StatusOK))
		if diff := cmp.Diff(attributes(id, theirs["attributes"]), attributes(id, ours["attributes"])); diff != "" {
			t.Errorf("%s (-other +ours): %s", id, diff)
		}
	}
	boss := w.user("boss@x")
	user := w.post("/Users", strings.ReplaceAll(bjensen, "(boss)", boss)).is(http.StatusCreated).text("id")
	group := w.group("Tour Guides", user, boss)
	for kind, path := range map[string]string{"User": "/Users/" + user, "Group": "/Groups/" + group} {
		sent := echo(t, w.get(path))
		var read struct{ Resource map[string]any }
		if refused := p.ask(t, map[string]any{"ask": "read", "kind": kind, "resource": sent}, &read); refused != "" {
			t.Errorf("%s is refused: %s", kind, refused)
		}
		if diff := cmp.Diff(essence(sent), essence(read.Resource)); diff != "" {
			t.Errorf("%s is not read as it was sent (-sent +read): %s", kind, diff)
		}
	}
}

// attributes describes the attributes of a schema by the characteristics that decide how a client has to write them.
func attributes(prefix string, list any) map[string]string {
	out := map[string]string{}
	all, _ := list.([]any)
	for _, a := range all {
		attribute := a.(map[string]any)
		name := prefix + "." + attribute["name"].(string)
		if schemaDiffers[name] == "" {
			out[name] = fmt.Sprintf("type %v, multiValued %v, required %v, mutability %v", attribute["type"], attribute["multiValued"], attribute["required"] == true, attribute["mutability"])
		}
		for sub, text := range attributes(name, attribute["subAttributes"]) {
			out[sub] = text
		}
	}
	return out
}
