package scim_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// L3: depth, duplicate names, numbers without end, halves of surrogate pairs, invalid UTF-8, NUL: 400, never 500.
func TestHostileBodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nested := strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40)
	for body, scimType := range map[string]string{
		``:                                    "invalidSyntax",
		`{`:                                   "invalidSyntax",
		`[]`:                                  "invalidSyntax",
		`null`:                                "invalidSyntax",
		`"x"`:                                 "invalidSyntax",
		`{} {}`:                               "invalidSyntax",
		`{"userName":"a",}`:                   "invalidSyntax",
		`{"userName":"a"]`:                    "invalidSyntax",
		`{userName:"a"}`:                      "invalidSyntax",
		`{"userName":"a","userName":"b"}`:     "invalidSyntax",
		`{"userName":"a","x":{"y":1,"y":2}}`:  "invalidSyntax",
		`{"userName":"a","USERNAME":"b"}`:     "invalidValue",
		`{"userName":"\ud800"}`:               "invalidSyntax",
		`{"userName":"\udc00x"}`:              "invalidSyntax",
		`{"userName":"\ud800\ud800"}`:         "invalidSyntax",
		`{"userName":"\uD83Dx"}`:              "invalidSyntax",
		`{"userName":"a\u0000b"}`:             "invalidValue",
		"{\"userName\":\"a\x00b\"}":           "invalidSyntax",
		"{\"userName\":\"\xff\"}":             "invalidSyntax",
		"\xef\xbb\xbf{\"userName\":\"a\"}":    "invalidSyntax",
		`{"userName":"a","x":1e400}`:          "invalidValue",
		`{"userName":1e400}`:                  "invalidValue",
		`{"userName":"a","x":` + nested + `}`: "invalidSyntax",
		`{"userName":"a","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`: "invalidSyntax",
		`{"userName":"` + strings.Repeat("x", 1025) + `"}`:                               "invalidValue",
		`{"userName":{"a":"b"}}`:                "invalidValue",
		`{"userName":"a","emails":[["x","y"]]}`: "invalidValue",
		`{"userName":"a","active":"perhaps"}`:   "invalidValue",
		`{"userName":"a","name":"x"}`:           "invalidValue",
		`{"userName":"a","emails":[{"value":"x","primary":true},{"value":"y","primary":true}]}`: "invalidValue",
	} {
		w.post("/Users", body).fails(http.StatusBadRequest, scimType)
	}
	w.patch("/Users/"+w.user("ana@x"), strings.Repeat(`{"op":"add","path":"title","value":"x"},`, 1100)+`{"op":"add","path":"title","value":"x"}`).fails(http.StatusBadRequest, "invalidValue")
	if id := w.post("/Users", `{"userName":"\ud83d\ude00"}`).is(http.StatusCreated).has("😀", "userName").text("id"); id == "" {
		t.Error("a whole surrogate pair is a character")
	}
	same(t, "users", 2, len(w.get("/Users").ids()))
}

// L1, L2: one byte over the limit is 413, also where the length is not told; nothing compressed is read.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sized := func(n int, name string) string {
		frame := fmt.Sprintf(`{"userName":"%s","x":""}`, name)
		return strings.Replace(frame, `""`, `"`+strings.Repeat("x", n-len(frame))+`"`, 1)
	}
	w.post("/Users", sized(maxBody, "fits")).is(http.StatusCreated)
	w.post("/Users", sized(maxBody+1, "over")).fails(http.StatusRequestEntityTooLarge, "")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/scim/v2/Users", struct{ *bytes.Reader }{bytes.NewReader([]byte(sized(maxBody+1, "chunked")))})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.bearer)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if r.ContentLength > 0 || res.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("in chunks: %d", res.StatusCode)
	}
	w.post("/Users", "\x1f\x8b", "Content-Encoding: gzip").fails(http.StatusUnsupportedMediaType, "")
}

// 415 for anything but JSON; a missing type is taken.
func TestMediaTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, kind := range []string{"application/json", "application/scim+json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8", ""} {
		w.post("/Users", fmt.Sprintf(`{"userName":"u%d"}`, i), "Content-Type: "+kind).is(http.StatusCreated)
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16", "nonsense/", "application/json-patch+json"} {
		w.post("/Users", `{"userName":"x"}`, "Content-Type: "+kind).fails(http.StatusUnsupportedMediaType, "")
	}
}

// I3, and paths that name nothing: never 500.
func TestHostileIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"1", "-1", "0", "null", "%00", "%ff", "%F0%9F%98%80", "..%2f..", "{2819c223-7f76-453a-919d-413861904646}", "2819c2237f76453a919d413861904646", "urn:uuid:2819c223-7f76-453a-919d-413861904646", strings.Repeat("x", 10<<10)} {
		w.get("/Users/"+id).fails(http.StatusNotFound, "")
		w.delete("/Users/"+id).fails(http.StatusNotFound, "")
		w.patch("/Groups/"+id, `{"op":"remove","path":"members"}`).fails(http.StatusNotFound, "")
	}
}

// S8 and Q7: neither tokens nor what is asked for gets into the log, and an internal error says nothing.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := *w.client
	c.prefix = "/tokens/" + w.urlToken(provider)
	c.list("/Users", `userName eq "canary-value"`).is(http.StatusOK)
	c.list("/Users", `canary-value`).is(http.StatusBadRequest)
	c.post("/Users", `{"userName":"ana@x","password":"canary-value"}`).is(http.StatusCreated)
	c.post("/Groups", `{"displayName":"G","members":["`+uuid.NewString()+`"]}`).is(http.StatusCreated)
	w.server.Close() // so that every request is over
	for _, secret := range []string{"canary-value", w.bearer, w.urlToken(provider)} {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("%q is in the log: %s", secret, w.log)
		}
	}
}
