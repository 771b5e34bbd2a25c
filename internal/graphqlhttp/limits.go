package graphqlhttp

// Limits bounds what one request may ask for. A field that is zero takes its default from [DefaultLimits].
//
// Body to Walk are checked before validation, whose work grows with the square of repeated fields; Cost is
// checked after it, once the variables are known. A request over a limit is refused as BAD_USER_INPUT, with a
// message that names the limit and, where it was measured to the end, the value.
type Limits struct {
	// Body is the size of a request's body, and of a GET request's query string, in bytes.
	Body int64
	// Tokens is the number of lexical tokens in a query; lexing stops there.
	Tokens int
	// Selections is the number of fields and fragments in one selection set.
	Selections int
	// TotalSelections is the number of fields and fragments in a whole document.
	TotalSelections int
	// Aliases is the number of fields in a document that are renamed.
	Aliases int
	// Directives is the number of directives in a document.
	Directives int
	// Depth is the number of fields between the root and the deepest leaf, through fragments.
	Depth int
	// InputDepth is how deep lists and objects nest in variables and in literal arguments.
	InputDepth int
	// Repeats bounds the pairs of fields of the same response name that validation would have to compare.
	Repeats int
	// Walk is the number of fields and fragments that validation would visit: it enters a fragment anew from each
	// operation and each fragment that reaches it.
	Walk int
	// Cost is the number of objects that an operation may make the server produce, as scale.measure counts them.
	Cost int64
	// ListSize is the length assumed of a list whose size no argument tells.
	ListSize int64
	// RequestErrors is how many errors the answer to a refused request lists.
	RequestErrors int
	// Errors is how many errors the answer to an executed operation lists.
	Errors int
	// CachedQueries is how many parsed and validated query texts are kept, and how many that clients persisted.
	CachedQueries int
	// Subscriptions is how many event streams may be open at once, and SubscriptionsPerCaller how many of one caller.
	Subscriptions          int
	SubscriptionsPerCaller int
}

// DefaultLimits returns limits that let a full introspection query, batches of 1,000 keys with a default page
// behind each, and three nested pages through, and that keep every refusal below a tenth of a second.
func DefaultLimits() Limits {
	return Limits{
		Body:            1 << 20,
		Tokens:          2000,
		Selections:      200,
		TotalSelections: 1000,
		Aliases:         200,
		Directives:      100,
		Depth:           32,
		InputDepth:      32,
		Repeats:         50_000,
		Walk:            10_000,
		Cost:            250_000,
		ListSize:        10,
		RequestErrors:   5,
		Errors:          100,
		CachedQueries:   1000,
		Subscriptions:   1000,

		SubscriptionsPerCaller: 200,
	}
}

// orDefaults fills the fields that are zero.
func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	fill(&l.Body, d.Body)
	fill(&l.Tokens, d.Tokens)
	fill(&l.Selections, d.Selections)
	fill(&l.TotalSelections, d.TotalSelections)
	fill(&l.Aliases, d.Aliases)
	fill(&l.Directives, d.Directives)
	fill(&l.Depth, d.Depth)
	fill(&l.InputDepth, d.InputDepth)
	fill(&l.Repeats, d.Repeats)
	fill(&l.Walk, d.Walk)
	fill(&l.Cost, d.Cost)
	fill(&l.ListSize, d.ListSize)
	fill(&l.RequestErrors, d.RequestErrors)
	fill(&l.Errors, d.Errors)
	fill(&l.CachedQueries, d.CachedQueries)
	fill(&l.Subscriptions, d.Subscriptions)
	fill(&l.SubscriptionsPerCaller, d.SubscriptionsPerCaller)
	return l
}

func fill[T int | int64](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}
