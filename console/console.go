// Package console serves the explorer: a page on which developers and operators write GraphQL operations, run them
// and read the schema. The page holds no data and needs no access token; what it asks for, it asks with the token
// that its reader gives it.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed explorer
var files embed.FS

// page is the file that is served at the root; the others go by their names.
const page = "explorer/index.html"

// policy lets the page load its own files and talk to its own server, nothing else: no inline script or style, no
// other host, no frame around it, and no script from a string.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; frame-ancestors 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// file is one embedded file, ready to be sent.
type file struct {
	body      string
	mediaType string
	etag      string
}

// Handler serves the explorer at / and its files below /explorer/. The page looks for the GraphQL endpoint at /graphql.
func Handler() http.Handler {
	served := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		f, ok := served[r.URL.Path]
		if !ok {
			http.Error(w, "There is no such page.", http.StatusNotFound)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Pages are served to GET requests.", http.StatusMethodNotAllowed)
			return
		}
		f.serve(w, r)
	})
}

// load reads every embedded file, by the path that it is served at.
func load() map[string]file {
	served := map[string]file{}
	err := fs.WalkDir(files, "explorer", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := files.ReadFile(name)
		sum := sha256.Sum256(body)
		at := "/" + name
		if name == page {
			at = "/"
		}
		served[at] = file{
			body:      string(body),
			mediaType: mediaType(name),
			etag:      `"` + hex.EncodeToString(sum[:12]) + `"`,
		}
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return served
}

// mediaType does not ask the machine's own tables, which differ.
func mediaType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}

func setHeaders(header http.Header) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}

// serve sends the file. Browsers keep it and ask each time whether it is still the same, so that a new release is
// seen at once.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", f.mediaType)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Etag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(f.body))
}
