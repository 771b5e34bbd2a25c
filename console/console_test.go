package console

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func fetch(method, target string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

// embedded lists the embedded files with the paths that they are served at.
func embedded(t *testing.T) map[string]string {
	t.Helper()
	served := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			served[name] = "/" + name
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	served[page] = "/"
	return served
}

func TestFilesAreServed(t *testing.T) {
	types := map[string]string{
		".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	}
	for name, target := range embedded(t) {
		t.Run(name, func(t *testing.T) {
			want, err := files.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := fetch(http.MethodGet, target, nil)
			if got.Code != http.StatusOK || got.Body.String() != string(want) {
				t.Errorf("status %d, %d bytes", got.Code, got.Body.Len())
			}
			for header, want := range map[string]string{
				"Content-Type":                 types[path.Ext(name)],
				"Cache-Control":                "no-cache",
				"X-Content-Type-Options":       "nosniff",
				"X-Frame-Options":              "DENY",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := got.Header().Get(header); got != want || want == "" {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			again := fetch(http.MethodGet, target, map[string]string{"If-None-Match": got.Header().Get("Etag")})
			if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("a file that the browser has: status %d", again.Code)
			}
			if head := fetch(http.MethodHead, target, nil); head.Code != http.StatusOK || head.Body.Len() != 0 {
				t.Errorf("HEAD: status %d, %d bytes", head.Code, head.Body.Len())
			}
		})
	}
}

func TestN9Policy(t *testing.T) {
	want := map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'",
		"img-src": "'self' data:", "base-uri": "'none'", "frame-ancestors": "'none'", "form-action": "'none'",
		"require-trusted-types-for": "'script'", "trusted-types": "'none'",
	}
	for _, target := range []string{"/", "/explorer/explorer.js", "/nothing"} {
		got := map[string]string{}
		for part := range strings.SplitSeq(fetch(http.MethodGet, target, nil).Header().Get("Content-Security-Policy"), "; ") {
			name, sources, _ := strings.Cut(part, " ")
			got[name] = sources
		}
		for name, sources := range want {
			if got[name] != sources {
				t.Errorf("%s: %s %q, want %q", target, name, got[name], sources)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v", target, got)
		}
	}
}

func TestOtherPathsAndMethods(t *testing.T) {
	for _, target := range []string{"/index.html", "/explorer/", "/explorer", "/explorer/index.html", "/explorer/nothing.js", "/explorer/../explorer/explorer.js", "//", "/console.go"} {
		if got := fetch(http.MethodGet, target, nil); got.Code != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", target, got.Code)
		}
	}
	if got := fetch(http.MethodPost, "/", nil); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /: status %d, Allow %q", got.Code, got.Header().Get("Allow"))
	}
}

// forbidden are the ways in which a page runs what is no file of its own, or turns data into markup.
var forbidden = map[string]*regexp.Regexp{
	"an external URL":        regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]{2,}`),
	"markup made of a text":  regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser`),
	"code made of a text":    regexp.MustCompile(`\beval\(|new Function|setTimeout\(\s*['"]`),
	"an inline handler":      regexp.MustCompile(`(?i)<[^>]+\son[a-z]+\s*=`),
	"an inline style":        regexp.MustCompile(`(?i)<[^>]+\sstyle\s*=|<style`),
	"an inline script":       regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]`),
	"an import from outside": regexp.MustCompile(`@import|from '[^.]`),
}

// TestN10FilesStandAlone checks that the page needs nothing but itself and that data can only become text.
func TestN10FilesStandAlone(t *testing.T) {
	const namespace = "http://www.w3.org/2000/svg" // a name that nobody fetches
	for name := range embedded(t) {
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(body), namespace, "")
		for what, pattern := range forbidden {
			if found := pattern.FindString(text); found != "" {
				t.Errorf("%s holds %s: %s", name, what, found)
			}
		}
	}
}

// TestReferencesAreServed follows what the page and its modules name.
func TestReferencesAreServed(t *testing.T) {
	served := map[string]bool{}
	for _, target := range embedded(t) {
		served[target] = true
	}
	index, err := files.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(string(index), -1) {
		if !served["/"+match[1]] {
			t.Errorf("the page names %s, which is not served", match[1])
		}
	}
	for name := range embedded(t) {
		body, _ := files.ReadFile(name)
		for _, match := range regexp.MustCompile(`from '\./([^']+)'`).FindAllStringSubmatch(string(body), -1) {
			if !served["/explorer/"+match[1]] {
				t.Errorf("%s imports %s, which is not served", name, match[1])
			}
		}
	}
	// The token goes into one header, and into the session's store alone.
	storage, _ := files.ReadFile("explorer/storage.js")
	if strings.Contains(string(storage), "localStorage, TOKEN") || !strings.Contains(string(storage), "sessionStorage, TOKEN") {
		t.Error("the token leaves the session")
	}
}
