package directory

// NewRecordCache is newRecordCache for tests that measure it.
var NewRecordCache = newRecordCache

// Put and Get are put and get for tests.
func (c *recordCache) Put(r *Record)                 { c.put(r) }
func (c *recordCache) Get(id, version int64) *Record { return c.get(id, version) }

// Fill puts records in and returns what they cost, in bytes, and how many of them are held.
func (c *recordCache) Fill(records []*Record) (cost int64, held int) {
	for i, r := range records {
		c.put(r)
		if i%1000 == 999 {
			c.records.Wait() // else some would be dropped
		}
		cost += recordCost(r)
	}
	c.records.Wait()
	for _, r := range records {
		if c.get(r.ID, r.Version) == r {
			held++
		}
	}
	return cost, held
}

// Seated reports which of the ids up to a largest one have a record on their seat, and which the cache holds. A record on
// a seat that the cache does not hold is told as the negative id.
func (c *recordCache) Seated(largest int64) (seated, held []int64) {
	c.records.Wait()
	for id := range largest + 1 {
		r, ok := c.records.Get(id)
		if ok {
			held = append(held, id)
		}
		seat := c.seats.at(id)
		if seat == nil || seat.Load() == nil {
			continue
		}
		if seat.Load() != r {
			id = -id
		}
		seated = append(seated, id)
	}
	return seated, held
}
