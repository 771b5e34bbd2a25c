//go:build race

package graphqlhttp

// slowdown is how much longer the race detector makes everything.
const slowdown = 20
