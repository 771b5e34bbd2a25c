//go:build !race

package links_test

// million is how many members a large group has.
const million = 1_000_000
