package graphqlhttp

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// ReadOperations reads the texts of the operations that are to be run, see [Config]: from one file, or from every file
// below a folder. A file *.graphql or *.gql is one text. A file *.json is an object of texts by ids that do not matter, or
// a manifest with a list `operations` of objects with a text `body` (the form of Apollo's manifests). Each text has to be
// valid in the schema and within the limits. Errors name the file and are one sentence.
func ReadOperations(path string, schema graphql.ExecutableSchema, limits Limits) ([]string, error) {
	files := []string{}
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && slices.Contains([]string{".graphql", ".gql", ".json"}, filepath.Ext(file)) {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		return nil, readError(path, err)
	}
	documents := newDocuments(schema.Schema(), limits.orDefaults())
	out := []string{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, readError(file, err)
		}
		texts := []string{string(content)}
		if filepath.Ext(file) == ".json" {
			if texts, err = manifest(content); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
		for _, text := range texts {
			if _, errs := documents.prepare(strings.TrimSpace(text), true); len(errs) > 0 {
				return nil, fmt.Errorf("%s holds an operation that is not valid: %s", file, errs[0].Message)
			}
		}
		out = append(out, texts...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no operations: they are in files *.graphql, *.gql or *.json", path)
	}
	return out, nil
}

// readError leaves the name of the system call out of an error about a file.
func readError(path string, err error) error {
	if reason := (*fs.PathError)(nil); errors.As(err, &reason) {
		path, err = reason.Path, reason.Err
	}
	return fmt.Errorf("cannot read %s: %w", path, err)
}

func manifest(content []byte) ([]string, error) {
	var apollo struct {
		Operations []struct{ Body string } `json:"operations"`
	}
	if json.Unmarshal(content, &apollo) == nil && len(apollo.Operations) > 0 {
		texts := make([]string, len(apollo.Operations))
		for i, operation := range apollo.Operations {
			texts[i] = operation.Body
		}
		return texts, nil
	}
	var byID map[string]string
	if err := json.Unmarshal(content, &byID); err != nil {
		return nil, errors.New("it is no JSON object of texts by ids, and no manifest with `operations`")
	}
	return slices.Sorted(maps.Values(byID)), nil
}

// list makes the texts all that may be run, by text or by hash. Their documents are kept for good.
func (h *handler) list(texts []string) {
	h.documents.listed = make(map[string]*document, len(texts))
	for _, text := range texts {
		sent := textHash(sha256.Sum256([]byte(text)))
		text = strings.TrimSpace(text)
		doc, errs := h.documents.prepare(text, true)
		if len(errs) > 0 { // whoever read the list has looked at each of them
			panic("graphqlhttp: an operation of the list is not valid: " + errs[0].Message)
		}
		h.documents.listed[text] = doc
		h.persisted.list[sent], h.persisted.list[sha256.Sum256([]byte(text))] = text, text
	}
}

// isListed reports whether a text is on the list, whatever space is around it.
func (d *documents) isListed(text string) bool { return d.listed[strings.TrimSpace(text)] != nil }

func (h *handler) mayRunUnlisted(ctx context.Context) bool {
	return h.cfg.Unlisted != nil && h.cfg.Unlisted(ctx)
}
