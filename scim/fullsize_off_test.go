//go:build !conformance

package scim_test

// inFull says that the long tests run in their full size: make conformance.
const inFull = false
