package scim

import (
	"regexp"
	"strings"
)

// referencePrefix marks the id of a resource that an operation of the same bulk request creates (RFC 7644 section
// 3.7.2).
const referencePrefix = "bulkId:"

// referencePattern finds references: a text of its own, the end of an address ("../Groups/bulkId:x"), or a value in the
// filter of a path (members[value eq "bulkId:x"]).
var referencePattern = regexp.MustCompile(`(^|/|")` + referencePrefix + `([^"]+?)("|$)`)

// references lists the bulkIds that stand anywhere in a value.
func references(value any) (ids []string) {
	walkTexts(value, func(text string) string {
		for _, match := range referencePattern.FindAllStringSubmatch(text, -1) {
			ids = append(ids, match[2])
		}
		return text
	})
	return ids
}

// resolve is a value with ids in the place of its references.
func (j *bulkJob) resolve(value any) (resolved any, err error) {
	resolved = walkTexts(value, func(text string) string {
		return referencePattern.ReplaceAllStringFunc(text, func(found string) string {
			match := referencePattern.FindStringSubmatch(found)
			id, failed := j.reference(match[2])
			if failed != nil {
				err = failed
			}
			return match[1] + id + match[3]
		})
	})
	return resolved, err
}

// walkTexts is a value with those of its texts replaced that may hold references.
func walkTexts(value any, replace func(string) string) any {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, referencePrefix) {
			return replace(v)
		}
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = walkTexts(element, replace)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			out[name] = walkTexts(inner, replace)
		}
		return out
	}
	return value
}

// split parts a resource into what can be created now, and what refers to resources that are still to be created. Lists
// are parted element by element, and extensions attribute by attribute.
func (j *bulkJob) split(resource map[string]any) (now, later map[string]any) {
	now, later = map[string]any{}, map[string]any{}
	for name, value := range resource {
		if !j.open(value) {
			now[name] = value
			continue
		}
		object, isObject := value.(map[string]any)
		list, isList := value.([]any)
		switch {
		case isObject && strings.Contains(name, ":"):
			now[name], later[name] = j.split(object)
		case isList:
			early, late := []any{}, []any{}
			for _, element := range list {
				if j.open(element) {
					late = append(late, element)
				} else {
					early = append(early, element)
				}
			}
			now[name], later[name] = early, late
		default:
			later[name] = value
		}
	}
	return now, later
}

// open reports whether a value refers to a resource that is still to be created.
func (j *bulkJob) open(value any) bool {
	for _, id := range references(value) {
		if !j.ops[j.creator[id]].settled {
			return true
		}
	}
	return false
}
