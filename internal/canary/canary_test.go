package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const planted = Mark + "~secret+1/<right>"

// Whatever form a secret is in, it is found; what is none is not.
func TestQ7TheSearchFindsLeaks(t *testing.T) {
	t.Parallel()
	asJSON, _ := json.Marshal(planted)
	roster := "rst_" + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32))
	for _, leak := range []string{
		planted, "x" + planted + "x", string(asJSON), url.QueryEscape(planted), url.PathEscape(planted), fmt.Sprintf("%q", planted), fmt.Sprint([]string{planted}),
		hex.EncodeToString([]byte("before" + planted + "after")), strings.ToUpper(hex.EncodeToString([]byte(planted))),
		base64.StdEncoding.EncodeToString([]byte(planted)), base64.URLEncoding.EncodeToString([]byte("a" + planted)), base64.RawURLEncoding.EncodeToString([]byte("ab" + planted)),
		roster, "Bearer " + roster + ".", `{"token":"` + roster + `"}`,
		"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJlLW9m", "-----BEGIN PRIVATE KEY-----\nMII", "-----BEGIN EC PRIVATE KEY-----",
		`{"primaryKeyId":1,"key":[{"keyData":{"value":"GiA=","keyMaterialType":"SYMMETRIC"}}]}`, "sim~ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	} {
		if len(Find(leak)) != 1 || len(Find("{"+leak+"}")) != 1 {
			t.Errorf("%s is not found", leak)
		}
	}
	for _, harmless := range []string{"", "[hidden]", Mark[1:], "canary", "rst_", roster[:40], "eyJ2IjoxfQ", "-----BEGIN CERTIFICATE-----", `{"data":{"secret":null}}`} {
		if found := Find(harmless); len(found) > 0 {
			t.Errorf("%q is taken for a leak: %v", harmless, found)
		}
	}
	for _, form := range forms(Mark)[3:] {
		if strings.ContainsAny(form, "+/=") {
			t.Errorf("%s is not the same in all alphabets of base64 (RFC 4648)", form)
		}
	}
}

// A token is shown by the answer that tells of its making, in its field, and nowhere else.
func TestQ7AnAnswerShowsWhatItMade(t *testing.T) {
	t.Parallel()
	const made = "rst_0123456789012345678901234567890123456789012"
	for body, leaks := range map[string]int{
		`{"data":{"createAccessToken":{"secret":"` + made + `"}}}`:                 0,
		`{"data":{"accessTokens":[{"name":"` + made + `"}]}}`:                      1,
		`{"data":{"secret":"` + made + `"},"errors":[{"message":"` + made + `"}]}`: 1,
		`{"data":{"secret":"` + planted + `"}}`:                                    1,
	} {
		if got := watch(func(w *witness) { LookAtAnswer(w, "the answer", body) }); len(got) != leaks {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// Each channel is planted with a leak.
func TestQ7EveryChannelIsLookedAt(t *testing.T) {
	t.Parallel()
	say := func(write func(http.ResponseWriter)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { write(w) })
	}
	inBody := say(func(w http.ResponseWriter) { // in two parts
		_, _ = io.WriteString(w, "before"+planted[:5])
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, planted[5:])
	})
	inHeader := say(func(w http.ResponseWriter) { w.Header().Set("WWW-Authenticate", `Bearer error="`+planted+`"`) })
	nowhere := say(func(w http.ResponseWriter) { _, _ = io.WriteString(w, "fine") })
	get := func(t testing.TB, client *http.Client, url string) {
		response, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	served := func(handler http.Handler) func(*witness) {
		return func(w *witness) {
			server := httptest.NewServer(Handler(w, handler))
			defer server.Close()
			get(t, http.DefaultClient, server.URL)
		}
	}
	fetched := func(handler http.Handler) func(*witness) {
		return func(w *witness) {
			server := httptest.NewServer(handler)
			defer server.Close()
			get(t, Client(w), server.URL)
		}
	}
	for name, c := range map[string]struct {
		run  func(*witness)
		says string
	}{
		"a text":                      {func(w *witness) { Look(w, "the help", planted) }, "the help"},
		"a log":                       {func(w *witness) { Log(w).Debug("x", "y", planted) }, "the log"},
		"a log elsewhere":             {func(w *witness) { LogTo(w, io.Discard).With("y", planted).Info("x") }, "the log"},
		"a body":                      {served(inBody), "the answer to GET"},
		"a header":                    {served(inHeader), "the header of the answer"},
		"a body of another process":   {fetched(inBody), "the answer to GET"},
		"a header of another's":       {fetched(inHeader), "the header of the answer"},
		"nothing in a body":           {served(nowhere), ""},
		"nothing in another's":        {fetched(nowhere), ""},
		"a log without anything":      {func(w *witness) { Log(w).Debug("x", "y", "[hidden]") }, ""},
		"what a sealer has encrypted": {func(w *witness) { sealed, _ := Sealer{}.Seal([]byte(planted), nil); Look(w, "the row", string(sealed)) }, ""},
	} {
		got := watch(c.run)
		if want := min(len(c.says), 1); len(got) != want || want == 1 && !strings.HasPrefix(got[0], c.says) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// witness is a test that keeps what it is failed with.
type witness struct {
	testing.TB
	said []string
}

func (*witness) Helper()                        {}
func (w *witness) Errorf(f string, args ...any) { w.said = append(w.said, fmt.Sprintf(f, args...)) }

func watch(run func(*witness)) []string {
	w := &witness{}
	run(w)
	return w.said
}
