//go:build !race

package graphqlhttp

const slowdown = 1
