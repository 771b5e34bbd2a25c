package links

// pageSize is the number of values of one page.
const (
	pageBits = 8
	pageSize = 1 << pageBits
	pageMask = pageSize - 1
)

// paged is an array in pages: a new version shares every page that was not written with the version before, so that a
// write copies two short arrays whatever the length. The zero value is empty.
type paged[T any] struct {
	pages []*[pageSize]T
	n     int
}

func (p *paged[T]) len() int { return p.n }

// at returns the value at i, to be read only.
func (p *paged[T]) at(i int32) *T { return &p.pages[i>>pageBits][i&pageMask] }

// pagedEdit writes a new version of a paged array.
type pagedEdit[T any] struct {
	paged[T]
	own map[int32]bool // pages that are this version's own
}

func (p *paged[T]) edit() pagedEdit[T] {
	return pagedEdit[T]{paged: paged[T]{pages: append([]*[pageSize]T(nil), p.pages...), n: p.n}, own: map[int32]bool{}}
}

// write returns the value at i, to be written.
func (e *pagedEdit[T]) write(i int32) *T {
	page := i >> pageBits
	if !e.own[page] {
		fresh := *e.pages[page]
		e.pages[page] = &fresh
		e.own[page] = true
	}
	return e.at(i)
}

// grow appends a zero value and returns its place.
func (e *pagedEdit[T]) grow() int32 {
	i := int32(e.n)
	if int(i>>pageBits) == len(e.pages) {
		e.pages = append(e.pages, new([pageSize]T))
		e.own[i>>pageBits] = true
	}
	e.n++
	return i
}
