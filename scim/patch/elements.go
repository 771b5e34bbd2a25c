package patch

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/schema"
)

// onElements is for a path with brackets: the elements of a multi-valued attribute that a filter selects.
func (op Op) onElements(container map[string]any) error {
	a := op.Ref.Attr
	list, _ := container[a.Name].([]any)
	selected := []int{}
	for i, e := range list {
		if object, ok := e.(map[string]any); ok && op.Where.Match(object) {
			selected = append(selected, i)
		}
	}
	var err error
	if op.Ref.Sub != nil {
		list, err = op.setSelectedSub(list, selected)
	} else {
		list, err = op.setSelected(list, selected)
	}
	if err == nil {
		set(container, a, list)
	}
	return err
}

// setSelectedSub alters one sub-attribute of the selected elements.
func (op Op) setSelectedSub(list []any, selected []int) ([]any, error) {
	value, err := op.subValue()
	if err != nil {
		return nil, err
	}
	if len(selected) == 0 && value != nil {
		element, err := op.newElement()
		if err != nil {
			return nil, err
		}
		list = append(list, element)
		selected = []int{len(list) - 1}
	}
	if err := op.setSub(list, selected, value); err != nil {
		return nil, err
	}
	if op.Ref.Sub.Name == "primary" && value == true && len(selected) > 1 {
		return nil, refuse(InvalidValue, "%d values of %s are selected; one may be primary.", len(selected), op.Ref.Attr.Name)
	}
	if len(selected) > 0 {
		onlyPrimary(list, selected[len(selected)-1])
	}
	return pruned(list, op.Ref.Attr, value == nil), nil
}

// setSelected removes, replaces or completes the selected elements.
func (op Op) setSelected(list []any, selected []int) ([]any, error) {
	var news []any
	if op.Kind != Remove {
		value, err := op.Ref.Attr.Normalize(op.Value)
		if err != nil {
			return nil, err
		}
		if news, _ = value.([]any); len(news) > 1 {
			return nil, refuse(InvalidValue, "the selected values of %s take one value, not %d.", op.Ref.Attr.Name, len(news))
		}
	}
	if len(news) == 0 {
		return without(list, selected), nil
	}
	value, _ := news[0].(map[string]any)
	if len(selected) == 0 {
		element, err := op.newElement()
		if err != nil {
			return nil, err
		}
		list = append(list, element)
		selected = []int{len(list) - 1}
	}
	terms, _ := op.Where.Equalities()
	for _, i := range selected {
		old, _ := list[i].(map[string]any)
		element := map[string]any{}
		if op.Kind == Add {
			maps.Copy(element, old)
		}
		for name := range terms { // what it was selected by stays, unless the value says otherwise
			if old[name] != nil {
				element[name] = old[name]
			}
		}
		maps.Copy(element, value)
		if err := settled(op.Ref.Attr, old, element); err != nil {
			return nil, err
		}
		list[i] = element
	}
	onlyPrimary(list, selected[len(selected)-1])
	return list, nil
}

// newElement is the element that a filter looked for and did not find. It can be made where the filter is nothing
// but equalities, and says which of the customary values is meant; anything else has no target (RFC 7644 section
// 3.5.2.3).
func (op Op) newElement() (map[string]any, error) {
	a := op.Ref.Attr
	terms, plain := op.Where.Equalities()
	kind, _ := terms["type"].(string)
	customary := a.Sub("type") != nil && a.Sub("type").Canonical(kind)
	plain = plain && (customary || terms["primary"] == true)
	for name, value := range terms {
		plain = plain && a.Sub(name).Mutability != schema.ReadOnly
		if at, ok := value.(time.Time); ok {
			terms[name] = at.Format(time.RFC3339Nano)
		}
	}
	if !plain {
		return nil, refuse(NoTarget, "no value of %s is selected by the path.", a.Name)
	}
	return terms, nil
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (op Op) setSub(list []any, selected []int, value any) error {
	sub := op.Ref.Sub
	for _, i := range selected {
		element, ok := list[i].(map[string]any)
		if !ok {
			continue
		}
		if sub.Mutability == schema.Immutable && element[sub.Name] != nil && !reflect.DeepEqual(element[sub.Name], value) {
			return immutable(op.Ref.Attr, sub)
		}
		set(element, sub, value)
	}
	return nil
}

func immutable(a, sub *schema.Attribute) error {
	return refuse(Mutability, "%s of a value of %s is immutable; remove the value and add another.", sub.Name, a.Name)
}

// settled keeps in the new state of an element what is immutable in the old one.
func settled(a *schema.Attribute, old, now map[string]any) error {
	for _, sub := range a.SubAttributes {
		switch {
		case sub.Mutability != schema.Immutable || old[sub.Name] == nil:
		case now[sub.Name] == nil:
			now[sub.Name] = old[sub.Name]
		case !reflect.DeepEqual(now[sub.Name], old[sub.Name]):
			return immutable(a, sub)
		}
	}
	return nil
}

// onlyPrimary takes primary from every element but one, if that one has it.
func onlyPrimary(list []any, keep int) {
	if !schema.IsPrimary(list[keep]) {
		return
	}
	for i, e := range list {
		if i != keep && schema.IsPrimary(e) {
			e.(map[string]any)["primary"] = false
		}
	}
}

// pruned drops the elements of which nothing is left but what they are for.
func pruned(list []any, a *schema.Attribute, removed bool) []any {
	if !removed {
		return list
	}
	return slices.DeleteFunc(list, func(e any) bool {
		object, _ := e.(map[string]any)
		if a.Sub("value") != nil {
			return object["value"] == nil
		}
		for name := range object {
			if name != "type" && name != "primary" {
				return false
			}
		}
		return true
	})
}

func without(list []any, indexes []int) []any {
	i := -1
	return slices.DeleteFunc(list, func(any) bool {
		i++
		_, found := slices.BinarySearch(indexes, i)
		return found
	})
}

// addElements adds values to a multi-valued attribute. One that is there already is not added again but completed.
func addElements(container map[string]any, a *schema.Attribute, added []any) error {
	list, _ := container[a.Name].([]any)
	known := map[string]int{}
	for i, e := range list {
		for _, key := range keys(a, e) {
			if _, ok := known[key]; !ok {
				known[key] = i
			}
		}
	}
	for _, e := range added {
		own := keys(a, e)
		i, ok := known[own[0]]
		if ok {
			if old, isObject := list[i].(map[string]any); isObject {
				now := e.(map[string]any)
				if err := settled(a, old, now); err != nil {
					return err
				}
				maps.Copy(old, now)
			}
		} else {
			i = len(list)
			list = append(list, e)
		}
		for _, key := range own {
			if _, ok := known[key]; !ok {
				known[key] = i
			}
		}
		onlyPrimary(list, i)
	}
	if len(list) > MaxElements {
		return refuse(InvalidValue, "%s would have %d values; it may have %d.", a.Name, len(list), MaxElements)
	}
	set(container, a, list)
	return nil
}

// keys are the texts by which an element is known, the most particular first: its value with its type, then its value.
// Without a type the value alone decides.
func keys(a *schema.Attribute, element any) []string {
	object, ok := element.(map[string]any)
	if !ok || a.Sub("value") == nil {
		text, _ := json.Marshal(element) // of decoded JSON: cannot fail
		return []string{string(text)}
	}
	value, isText := object["value"].(string)
	if !isText {
		value = fmt.Sprint(object["value"])
	}
	if isText && !a.Sub("value").CaseExact {
		value = directory.FoldKey(value)
	}
	kind, ok := object["type"].(string)
	if !ok {
		return []string{value}
	}
	return []string{value + "\x00" + directory.FoldKey(kind), value}
}

// removeValues removes the elements that the operation's value lists: by their value, else as a whole.
func (op Op) removeValues(container map[string]any) error {
	a := op.Ref.Attr
	value, err := a.Normalize(op.Value)
	if err != nil {
		return err
	}
	listed, _ := value.([]any)
	gone := map[string]bool{}
	for _, e := range listed {
		gone[keys(a, e)[0]] = true
	}
	list, _ := container[a.Name].([]any)
	set(container, a, slices.DeleteFunc(list, func(e any) bool {
		return slices.ContainsFunc(keys(a, e), func(key string) bool { return gone[key] })
	}))
	return nil
}
