package scim_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// ETag in the header and in meta.version; If-Match 412 (S12), If-None-Match 304, on GET, PUT, PATCH and DELETE.
func TestS12Versions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/Users/" + w.user("ana@x"), "/Groups/" + w.group("G")} {
		body := `{"userName":"ana@x","displayName":"G"}`
		first := w.get(path).header.Get("ETag")
		if first == "" || w.get(path).text("meta", "version") != first {
			t.Fatalf("%s: the tag is %q", path, first)
		}
		w.get(path, "If-None-Match: "+first).is(http.StatusNotModified)
		w.get(path, `If-None-Match: W/"99", `+first).is(http.StatusNotModified)
		w.get(path, "If-None-Match: *").is(http.StatusNotModified)
		w.get(path, `If-None-Match: W/"99"`).is(http.StatusOK)
		w.get(path, "If-Match: "+first).is(http.StatusOK)
		w.get(path, `If-Match: W/"99"`).fails(http.StatusPreconditionFailed, "")

		second := w.patch(path, `{"op":"add","path":"externalId","value":"e`+path[1:3]+`"}`, "If-Match: "+first).is(http.StatusNoContent).header.Get("ETag")
		if second == first || w.get(path).header.Get("ETag") != second {
			t.Errorf("%s: the tag after a PATCH is %q", path, second)
		}
		w.get(path, "If-None-Match: "+first).is(http.StatusOK)
		for _, stale := range []string{"If-Match: " + first, `If-Match: "1", W/"77"`, `If-Match: nonsense`, "If-None-Match: " + second, "If-None-Match: *"} {
			w.put(path, body, stale).fails(http.StatusPreconditionFailed, "")
			w.patch(path, `{"op":"remove","path":"externalId"}`, stale).fails(http.StatusPreconditionFailed, "")
			w.delete(path, stale).fails(http.StatusPreconditionFailed, "")
		}
		third := w.put(path, body, "If-Match: "+second).is(http.StatusOK).header.Get("ETag")
		w.put(path, body, "If-Match: *").is(http.StatusOK)
		if got := w.get(path).header.Get("ETag"); got != third {
			t.Errorf("%s: a PUT that changes nothing made %s of %s", path, got, third)
		}
		w.delete(path, "If-Match: "+third).is(http.StatusNoContent)
		w.delete(path, "If-Match: "+third).fails(http.StatusNotFound, "")
	}
}

// Changes of members and of the manager are new versions.
func TestLinksAreVersioned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, group := w.user("ana@x"), w.group("G")
	add := `{"op":"add","path":"members","value":"` + ana + `"}`
	first := w.get("/Groups/" + group).header.Get("ETag")
	w.patch("/Groups/"+group, add, `If-Match: W/"99"`).fails(http.StatusPreconditionFailed, "")
	second := w.patch("/Groups/"+group, add, "If-Match: "+first).is(http.StatusNoContent).header.Get("ETag")
	if second == first || second != w.get("/Groups/"+group).header.Get("ETag") {
		t.Errorf("the tag is %q after %q", second, first)
	}
	w.patch("/Groups/"+group, `{"op":"remove","path":"members"}`, "If-Match: "+first).fails(http.StatusPreconditionFailed, "")
	replaced := w.put("/Groups/"+group, `{"displayName":"G","members":[]}`, "If-Match: "+second).is(http.StatusOK)
	if tag := replaced.header.Get("ETag"); tag == second || tag != w.get("/Groups/"+group).header.Get("ETag") || tag != replaced.text("meta", "version") {
		t.Errorf("the tag is %q after %q", tag, second)
	}
}

// Of several writers that saw the same version, one wins.
func TestOneOfSeveralWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@x")
	group := w.group("G")
	for path, op := range map[string]string{
		"/Users/" + ana:    `{"op":"add","path":"title","value":"x"}`,
		"/Groups/" + group: `{"op":"add","path":"members","value":"` + ana + `"}`,
	} {
		tag := w.get(path).header.Get("ETag")
		var won atomic.Int32
		var wait sync.WaitGroup
		for range 6 {
			wait.Go(func() {
				switch a := w.patch(path, op, "If-Match: "+tag); a.status {
				case http.StatusNoContent:
					won.Add(1)
				default:
					a.fails(http.StatusPreconditionFailed, "")
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			t.Errorf("%s: %d writers won", path, won.Load())
		}
	}
}
