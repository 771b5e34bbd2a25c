package graph

import (
	"math/rand/v2"
	"slices"
)

// row is one object of an answer, as JSON.
type row map[string]any

// view is what a round shows of objects.
type view struct {
	*cursor
	chosen []int // positions of the properties
	links  bool
}

func (c *cursor) view() view {
	v := view{cursor: c, links: c.Select == nil && c.Kind == Group || slices.Contains(c.Select, relation[c.Kind])}
	for i, p := range properties[c.Kind] {
		if c.Select == nil || slices.Contains(c.Select, p.name) {
			v.chosen = append(v.chosen, i)
		}
	}
	return v
}

// page reads the next page of a round and moves the cursor on. The round has ended where the cursor is a delta link's.
func (t *Tenant) page(c *cursor, rows, links int, a *Adversary) []row {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := c.view()
	out := []row{}
	if c.Round == 0 { // its first page
		c.Until, c.Size, c.Round = t.tick, len(t.all[c.Kind]), a.round()
	}
	rng := a.ofPage(c)
	rows, links = a.split(rng, rows), a.split(rng, links)
	empty := a.happens(rng, a.empty())
	for !empty && len(out) < rows && links > 0 && c.Position < c.Size {
		o := t.all[c.Kind][a.order(c, c.Position)]
		if c.Link == 0 {
			out = append(out, t.disturb(v, rng, a)...)
		}
		if !v.due(o) {
			c.Position, c.Link = c.Position+1, 0
			continue
		}
		r, told, more := v.row(o, links)
		links -= told
		a.dangle(rng, v, o, r)
		out = append(out, r)
		if !more {
			c.Position, c.Link = c.Position+1, 0
		}
	}
	c.Page++
	if c.Position >= c.Size && !empty {
		*c = cursor{Kind: c.Kind, Select: c.Select, Minimal: c.Minimal, Epoch: c.Epoch, Since: c.Until, Delta: true}
	}
	a.shuffle(rng, out)
	return out
}

// due says whether an object is told in a round: all that are there in a first one, those changed in what is shown later.
func (v view) due(o *object) bool {
	if v.Since == 0 {
		return o.life == alive
	}
	if o.lived > v.Since || v.links && o.life == alive && o.linked > v.Since {
		return true
	}
	return o.life == alive && slices.ContainsFunc(v.chosen, func(i int) bool { return o.values[i].at > v.Since })
}

// row is what a round tells of an object now, with at most that many links. It moves the cursor over these, and says how
// many there were and whether there are more.
func (v view) row(o *object, links int) (out row, told int, more bool) {
	if o.life != alive {
		return removal(o), 0, false
	}
	out = v.attributes(o, o.values)
	if !v.links {
		return out, 0, false
	}
	var found []row
	since := v.linksSince(o)
	for ; v.Link < len(o.links); v.Link++ {
		if told >= links {
			more = true
			break
		}
		if l := o.links[v.Link]; v.tells(l, since) {
			found = append(found, l.row(l.removed))
			told++
		}
	}
	if len(found) > 0 {
		out[relation[o.kind]+"@delta"] = found
	}
	return out, told, more
}

// linksSince is the tick after which links are told. Those of an object that was restored in between are told all: what
// changed before its deletion may not have been seen.
func (v view) linksSince(o *object) uint64 {
	if o.restored > v.Since {
		return 0
	}
	return v.Since
}

// tells says whether a link is told. The end of a link by the end of an object is no removal.
func (v view) tells(l link, since uint64) bool {
	return l.at > since && l.to.life != gone && (v.Since > 0 || !l.removed)
}

// attributes are the chosen values. What was never set is left out, what was cleared is null.
func (v view) attributes(o *object, values []value) row {
	out := row{"id": o.id}
	for _, i := range v.chosen {
		if at := values[i].at; at > v.Since || at > 0 && (!v.Minimal || o.restored > v.Since) {
			out[properties[o.kind][i].name] = values[i].now
		}
	}
	return out
}

func (l link) row(removed bool) row {
	out := row{"@odata.type": "#microsoft.graph." + string(l.to.kind), "id": l.to.id}
	if removed {
		out["@removed"] = row{"reason": "deleted"}
	}
	return out
}

func removal(o *object) row {
	reason := "changed"
	if o.life == gone {
		reason = "deleted"
	}
	return row{"id": o.id, "@removed": row{"reason": reason}}
}

// staleLinks bounds the links of a row that is out of date.
const staleLinks = 50

// stale is what a round could have told of an object before its last changes. Whoever tells it has to tell the present
// row after it.
func (v view) stale(o *object) row {
	values, was := o.values, o.life
	if o.was != nil {
		values, was = o.was.values, o.was.life
	}
	if was != alive {
		return row{"id": o.id, "@removed": row{"reason": "changed"}}
	}
	whole := v
	c := *v.cursor
	c.Minimal, whole.cursor = false, &c
	out := whole.attributes(o, values)
	if !v.links || o.life != alive {
		return out
	}
	var found []row
	since := v.linksSince(o)
	for _, l := range o.links {
		if v.tells(l, since) && len(found) < staleLinks {
			found = append(found, l.row(!l.removed))
		}
	}
	if len(found) > 0 {
		out[relation[o.kind]+"@delta"] = found
	}
	return out
}

// disturb are rows that the adversary puts before the next one of a round: all true, or corrected further on in it.
func (t *Tenant) disturb(v view, rng *rand.Rand, a *Adversary) (out []row) {
	if a == nil {
		return nil
	}
	near := func(distance int) *object {
		i := v.Position + distance
		if i < 0 || i >= v.Size {
			return nil
		}
		return t.all[v.Kind][a.order(v.cursor, i)]
	}
	if o := near(rng.IntN(20)); o != nil && a.happens(rng, a.Replays) && v.due(o) {
		out = append(out, v.stale(o))
	}
	if o := near(-1 - rng.IntN(20)); o != nil && a.happens(rng, a.Duplicates) && v.due(o) {
		out = append(out, v.again(o)...)
	}
	if o := near(0); a.happens(rng, a.Replays) && v.Since > 0 && !v.due(o) { // of an earlier round, in its order
		out = append(out, v.stale(o))
		out = append(out, v.again(o)...)
	}
	if o := near(0); v.Since == 0 && o.life != alive && a.happens(rng, a.Removals) {
		out = append(out, removal(o))
	}
	if a.happens(rng, a.Removals/4) { // nobody ever saw this one
		out = append(out, row{"id": stranger(rng), "@removed": row{"reason": "deleted"}})
	}
	return out
}

// again is an object's present row, beside the round's order; with the links that a stale row of it would have.
func (v view) again(o *object) []row {
	c := *v.cursor
	c.Link, c.Minimal = 0, false
	v.cursor = &c
	r, _, _ := v.row(o, staleLinks)
	return []row{r}
}
