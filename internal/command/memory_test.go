package command

import (
	"runtime/debug"
	"testing"
)

func TestGarbageIsBoundedUnlessTheOperatorSaysHow(t *testing.T) {
	const usual = 100
	before := debug.SetGCPercent(usual)
	defer debug.SetGCPercent(before)
	for gogc, want := range map[string]int{"": garbagePercent, "off": usual, "300": usual} {
		t.Setenv("GOGC", gogc)
		boundGarbage()
		if got := debug.SetGCPercent(usual); got != want {
			t.Errorf("with GOGC=%q it is %d percent, want %d", gogc, got, want)
		}
	}
}
