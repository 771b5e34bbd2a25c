package testpg

import (
	"flag"
	"strconv"
)

// Checks has laws that each take statements be held against n examples, unless -rapid.checks says otherwise. It belongs
// into an init function of a package's tests.
func Checks(n int) {
	if f := flag.Lookup("rapid.checks"); f != nil {
		_ = f.Value.Set(strconv.Itoa(n)) // a number is one
	}
}
