package directory

// NewRecordCache is newRecordCache for tests that measure it.
var NewRecordCache = newRecordCache

// Fill puts records in and returns what they cost, in bytes, and how many of them are held.
func (c *recordCache) Fill(records []*Record) (cost int64, held int) {
	for _, r := range records {
		c.put(r)
		c.records.Wait() // else some would be dropped
		cost += recordCost(r)
	}
	for _, r := range records {
		if c.get(r.ID, r.Version) == r {
			held++
		}
	}
	return cost, held
}
