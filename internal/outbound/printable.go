package outbound

import (
	"strings"
	"unicode"
)

// maxPrintable bounds what is shown of a text of others, in bytes.
const maxPrintable = 300

// Printable is a text of others as it can be shown: bounded, and without what would move a terminal's cursor.
func Printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxPrintable {
		text = strings.ToValidUTF8(text[:maxPrintable], "") + "..."
	}
	return text
}
