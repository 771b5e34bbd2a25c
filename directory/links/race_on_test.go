//go:build race

package links_test

// million is how many members a large group has: the race detector makes everything longer.
const million = 100_000
