package directory

import "context"

// warm reads identities into the hot cache until it is full, the youngest first. A replica that has just started would
// otherwise ask the store about each of them in turn, while somebody waits.
func (d *Directory) warm(ctx context.Context, room int64) {
	q := ListQuery{Status: AnyLive, Order: Order{Field: OrderID, Desc: true}, Limit: MaxPage}
	for d.replica.current.Load().graph.Len() > 0 {
		records, err := d.store.List(ctx, q)
		if err != nil {
			d.log.DebugContext(ctx, "the cache is not warmed any further", "error", err)
			return
		}
		for _, r := range records {
			if room -= recordCost(r); room < 0 {
				return
			}
			d.cache.put(r)
			q.After = &Position{ID: r.ID}
		}
		if len(records) < q.Limit {
			return
		}
	}
}
