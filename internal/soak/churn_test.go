package main

import "testing"

// What make soak takes for given back, in the end of ten minutes of load and faults.
func TestSafetyR23WhatCountsAsGivenBack(t *testing.T) {
	t.Parallel()
	before := figures{goroutines: 20, files: 30, resident: 40 << 20, identities: 100}
	for name, test := range map[string]struct {
		after figures
		want  bool
	}{
		"the same":                        {before, true},
		"a pool that breathes":            {figures{24, 33, 50 << 20, 100}, true},
		"goroutines that never end":       {figures{60, 30, 40 << 20, 100}, false},
		"descriptors that are never shut": {figures{20, 60, 40 << 20, 100}, false},
		"memory that is kept":             {figures{20, 30, 90 << 20, 100}, false},
		"memory for those who came":       {figures{20, 30, 90 << 20, 20_100}, true},
	} {
		if got := test.after.within(before); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
