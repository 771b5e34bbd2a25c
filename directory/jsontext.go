package directory

import (
	"encoding/json"
	"strings"
)

// What is needed of a JSON text without decoding it. All of it takes valid JSON.

const jsonSpace = " \t\r\n"

// member returns the text of the value that an object has under a name, "" where it has none.
func member(object, name string) string {
	rest := strings.TrimLeft(object, jsonSpace)[1:]
	for {
		rest = strings.TrimLeft(rest, jsonSpace+",")
		if !strings.HasPrefix(rest, `"`) {
			return ""
		}
		key := firstValue(rest)
		rest = strings.TrimLeft(rest[len(key):], jsonSpace+":")
		value := firstValue(rest)
		if key[1:len(key)-1] == name {
			return value
		}
		rest = rest[len(value):]
	}
}

// firstValue returns the text of the value that a text begins with.
func firstValue(text string) string {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += quoted(text[i:]) - 1
			if depth == 0 {
				return text[:i+1]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return text[:i]
			}
			if depth--; depth == 0 {
				return text[:i+1]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return text[:i]
			}
		}
	}
	return text
}

// quoted is the length of the string that a text begins with, its quotes included.
func quoted(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// textOf is the text that a JSON string stands for, a part of it where nothing is escaped; "" for any other value.
func textOf(value string) string {
	if !strings.HasPrefix(value, `"`) {
		return ""
	}
	if !strings.Contains(value, `\`) {
		return value[1 : len(value)-1]
	}
	var text string
	_ = json.Unmarshal([]byte(value), &text)
	return text
}
