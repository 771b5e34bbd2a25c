package links

import "slices"

// A chunk is what lies between an array and its pages.
const (
	chunkBits = 6
	chunkSize = 1 << chunkBits
	chunkMask = chunkSize - 1
)

// pages is an array of pages. A new version shares with the one before it every page that was not written, so that a
// write copies a page, a chunk of pointers and the short list of chunks, whatever the length. The zero value is empty.
type pages[P any] struct {
	chunks []*[chunkSize]*P
}

// at returns page i, to be read only. It has to be there.
func (p *pages[P]) at(i int32) *P { return p.chunks[i>>chunkBits][i&chunkMask] }

// find returns page i, nil where it was never written.
func (p *pages[P]) find(i int32) *P {
	if c := int(i >> chunkBits); c < len(p.chunks) && p.chunks[c] != nil {
		return p.chunks[c][i&chunkMask]
	}
	return nil
}

// writer writes a new version of an array of pages in the place of the old one.
type writer[P any] struct {
	*pages[P]
	own   map[int32]bool // what is this version's own: pages, and chunks under the complement of their number
	last  int32          // the last page that was written
	fresh *P             // and that page, nil before the first one
}

func (p *pages[P]) writer() writer[P] { return writer[P]{pages: p} }

// write returns page i, to be written; a page of zeros where there was none.
func (w *writer[P]) write(i int32) *P {
	if w.fresh != nil && w.last == i {
		return w.fresh
	}
	chunk := w.chunk(i >> chunkBits)
	page := &chunk[i&chunkMask]
	if !w.own[i] {
		fresh := new(P)
		if *page != nil {
			*fresh = **page
		}
		*page, w.own[i] = fresh, true
	}
	w.last, w.fresh = i, *page
	return w.fresh
}

// chunk returns chunk c as this version's own.
func (w *writer[P]) chunk(c int32) *[chunkSize]*P {
	if w.own == nil {
		w.own, w.chunks = map[int32]bool{}, slices.Clone(w.chunks)
	}
	if short := int(c) + 1 - len(w.chunks); short > 0 {
		w.chunks = append(w.chunks, make([]*[chunkSize]*P, short)...)
	}
	if !w.own[^c] {
		fresh := new([chunkSize]*P)
		if w.chunks[c] != nil {
			*fresh = *w.chunks[c]
		}
		w.chunks[c], w.own[^c] = fresh, true
	}
	return w.chunks[c]
}
