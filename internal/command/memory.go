package command

import (
	"os"
	"runtime/debug"
)

// garbagePercent is how much garbage may pile up before it is collected, in percent of what is in use. What Roster uses
// is nearly all graph and cache: it stays, and has few pointers to follow, so that collecting more often than Go's 100
// percent costs little.
const garbagePercent = 40

// boundGarbage sets garbagePercent, unless the operator has set GOGC. GOMEMLIMIT counts as in every Go program.
func boundGarbage() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}

// giveBackMemory returns to the system what starting took beyond what is held.
func giveBackMemory() { debug.FreeOSMemory() }
