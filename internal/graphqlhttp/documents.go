package graphqlhttp

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// document is a query text that was parsed, found within the limits and validated. It is read-only and shared by
// every request that sends the text.
type document struct {
	ast *ast.QueryDocument
	// introspects is set where some operation selects __schema or __type.
	introspects bool

	notes    atomic.Pointer[[]note]
	noteDown sync.Mutex
}

// documents turns query texts into documents and remembers those that are valid.
type documents struct {
	schema *ast.Schema
	limits Limits
	cache  *cache[string, *document]
	// listed are the documents that are run whoever asks, by their text without the space around it; nil where
	// everything is.
	listed map[string]*document
}

func newDocuments(schema *ast.Schema, limits Limits) *documents {
	return &documents{schema: schema, limits: limits, cache: newCache[string, *document](limits.CachedQueries)}
}

// maxSuggestText is the longest query, in bytes, whose errors suggest names: the search compares each unknown name with
// those of the schema letter by letter.
const maxSuggestText = 16 << 10

// get returns the document of a query text. Suggest allows errors that propose names of the schema.
func (d *documents) get(query string, suggest bool) (*document, gqlerror.List) {
	if d.listed != nil {
		if doc := d.listed[strings.TrimSpace(query)]; doc != nil {
			return doc, nil
		}
	}
	if doc, ok := d.cache.get(query); ok {
		return doc, nil
	}
	if len(query) <= maxCachedText {
		query = strings.Clone(query) // what is kept must not keep the request's body with it
	}
	doc, errs := d.prepare(query, suggest)
	if len(errs) > 0 {
		return nil, errs
	}
	d.cache.add(query, doc, len(query))
	return doc, nil
}

func (d *documents) prepare(query string, suggest bool) (*document, gqlerror.List) {
	if strings.TrimSpace(query) == "" {
		return nil, gqlerror.List{refuse("The request has no query: send it in `query`.")}
	}
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, d.limits.Tokens)
	if err != nil {
		return nil, gqlerror.List{d.parseError(err)}
	}
	if len(parsed.Operations) == 0 {
		return nil, gqlerror.List{refuse("The query holds no operation.")}
	}
	if err := checkShape(parsed, d.limits); err != nil {
		return nil, gqlerror.List{asRefusal(err)}
	}
	suggest = suggest && len(query) <= maxSuggestText
	if invalid := validator.ValidateWithRules(d.schema, parsed, validationRules(suggest)); len(invalid) > 0 {
		errs := atMost(invalid, d.limits.RequestErrors)
		for i, err := range errs {
			errs[i] = asBadInput(err)
		}
		return nil, errs
	}
	for _, op := range parsed.Operations {
		if op.Operation == ast.Subscription && !isSingleStream(op) {
			return nil, gqlerror.List{refuse("A subscription must select exactly one field, without @skip or @include.")}
		}
	}
	return &document{ast: parsed, introspects: introspects(parsed)}, nil
}

// parseError says what the parser refused; the parser reports the token limit in words only.
func (d *documents) parseError(err error) *gqlerror.Error {
	syntax := (*gqlerror.Error)(nil)
	if !errors.As(err, &syntax) {
		return refuse("The query could not be parsed.")
	}
	if len(syntax.Locations) == 0 && strings.HasPrefix(syntax.Message, "exceeded token limit") {
		return overLimit("The query holds more than %d tokens, which is the limit.", d.limits.Tokens)
	}
	refusal := asBadInput(syntax)
	refusal.Message = shorten("Syntax error: "+syntax.Message, maxMessage)
	return refusal
}

// asRefusal unwraps an error that refuse made.
func asRefusal(err error) *gqlerror.Error {
	refusal := (*gqlerror.Error)(nil)
	errors.As(err, &refusal)
	return refusal
}

// validationRules is the specification's set; without suggestions no error proposes a name of the schema.
func validationRules(suggest bool) *rules.Rules {
	set := rules.NewDefaultRules()
	if suggest {
		return set
	}
	silent := map[string]validator.Rule{
		rules.FieldsOnCorrectTypeRule.Name: rules.FieldsOnCorrectTypeRuleWithoutSuggestions,
		rules.KnownArgumentNamesRule.Name:  rules.KnownArgumentNamesRuleWithoutSuggestions,
		rules.KnownTypeNamesRule.Name:      rules.KnownTypeNamesRuleWithoutSuggestions,
		rules.ScalarLeafsRule.Name:         rules.ScalarLeafsRuleWithoutSuggestions,
		rules.ValuesOfCorrectTypeRule.Name: rules.ValuesOfCorrectTypeRuleWithoutSuggestions,
	}
	for name, rule := range silent {
		set.ReplaceRule(name, rule.RuleFunc)
	}
	return set
}

// isSingleStream holds a subscription to one root field (GraphQL specification, section 5.2.4.1). The validator's own
// rule overlooks a field that is selected again under an alias.
func isSingleStream(op *ast.OperationDefinition) bool {
	name, single, seen := "", true, map[string]bool{}
	var root func(set ast.SelectionSet)
	root = func(set ast.SelectionSet) {
		for _, sel := range set {
			var directives ast.DirectiveList
			switch sel := sel.(type) {
			case *ast.Field:
				single = single && (name == "" || name == sel.Alias)
				name, directives = sel.Alias, sel.Directives
			case *ast.InlineFragment:
				directives = sel.Directives
				root(sel.SelectionSet)
			case *ast.FragmentSpread:
				directives = sel.Directives
				if !seen[sel.Name] {
					seen[sel.Name] = true
					root(sel.Definition.SelectionSet)
				}
			}
			single = single && directives.ForName("skip") == nil && directives.ForName("include") == nil
		}
	}
	root(op.SelectionSet)
	return single
}

func introspects(doc *ast.QueryDocument) bool {
	found := false
	for _, op := range doc.Operations {
		Visit(op, func(_ *ast.Definition, field *ast.Field) {
			found = found || field.Name == "__schema" || field.Name == "__type"
		})
	}
	return found
}

type documentKey struct{}

// fromContext hands the executor the document that its request already carries.
type fromContext struct{}

func (fromContext) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	doc, ok := ctx.Value(documentKey{}).(*document)
	if !ok {
		return nil, false
	}
	return doc.ast, true
}

func (fromContext) Add(context.Context, string, *ast.QueryDocument) {}

// note is a result of [PerOperation].
type note struct {
	op    *ast.OperationDefinition
	key   any
	value any
}

// noted finds a note. A document has few: a search in a row beats a map.
func (d *document) noted(op *ast.OperationDefinition, key any) (any, bool) {
	if notes := d.notes.Load(); notes != nil {
		for i := range *notes {
			if n := &(*notes)[i]; n.op == op && n.key == key {
				return n.value, true
			}
		}
	}
	return nil, false
}

// note keeps a value, unless there is one already, and returns the one that is kept.
func (d *document) note(op *ast.OperationDefinition, key, value any) any {
	d.noteDown.Lock()
	defer d.noteDown.Unlock()
	if kept, ok := d.noted(op, key); ok {
		return kept
	}
	var notes []note
	if old := d.notes.Load(); old != nil {
		notes = append(notes, *old...)
	}
	notes = append(notes, note{op, key, value})
	d.notes.Store(&notes)
	return value
}

// PerOperation returns what compute makes of an operation, made once for as long as the operation's text stays in
// the cache and shared by every request that runs it: the result must be safe to share, and must depend on nothing
// but the operation. Key tells the kinds of results apart; it must be comparable, and there should be few. Two requests
// that come first at the same time may both compute; one result is kept. In a context that is no request's, nothing is
// kept.
func PerOperation[T any](ctx context.Context, op *ast.OperationDefinition, key any, compute func() T) T {
	doc, ok := ctx.Value(documentKey{}).(*document)
	if !ok {
		return compute()
	}
	kept, ok := doc.noted(op, key)
	if !ok {
		kept = doc.note(op, key, compute())
	}
	return kept.(T)
}
