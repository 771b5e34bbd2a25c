package patch

// MemberChange is what a request does to the members of a group, whatever members it has: with Replace, Add becomes
// the whole list, else Add and Remove are added and removed. No id is in both lists.
type MemberChange struct {
	Replace bool
	Add     []string
	Remove  []string
}

// Empty reports whether nothing is changed.
func (m MemberChange) Empty() bool { return !m.Replace && len(m.Add)+len(m.Remove) == 0 }

// Members takes the operations on the members of a group out of a request and folds them into one change; rest are
// the other operations.
func Members(ops []Op) (change MemberChange, rest []Op, err error) {
	f := folder{wanted: map[string]bool{}}
	for _, op := range ops {
		if !op.on("", "members") {
			rest = append(rest, op)
			continue
		}
		if err := f.fold(op); err != nil {
			return MemberChange{}, nil, numbered(err, op.number)
		}
	}
	return f.change(), rest, nil
}

// folder holds for each id that was mentioned whether it is to be a member.
type folder struct {
	replace bool
	wanted  map[string]bool
	order   []string
}

func (f *folder) want(ids []string, member bool) {
	for _, id := range ids {
		if _, seen := f.wanted[id]; !seen {
			f.order = append(f.order, id)
		}
		f.wanted[id] = member
	}
}

// start forgets everything before: the list is a new one.
func (f *folder) start() {
	f.replace, f.order = true, nil
	clear(f.wanted)
}

func (f *folder) change() MemberChange {
	out := MemberChange{Replace: f.replace}
	for _, id := range f.order {
		switch {
		case f.wanted[id]:
			out.Add = append(out.Add, id)
		case !f.replace:
			out.Remove = append(out.Remove, id)
		}
	}
	return out
}

func (f *folder) fold(op Op) error {
	if op.Ref.Sub != nil && op.Ref.Sub.Name != "value" {
		return refuse(Mutability, "%s of a member cannot be changed.", op.Ref.Sub.Name)
	}
	ids, err := op.ids()
	if err != nil {
		return err
	}
	if op.Where != nil {
		return f.foldSelected(op, ids)
	}
	switch op.Kind {
	case Add:
		f.want(ids, true)
	case Replace:
		f.start()
		f.want(ids, true)
	case Remove:
		if op.Value == nil {
			f.start() // RFC 7644 section 3.5.2.2: without a filter, all values go
		}
		f.want(ids, false)
	}
	return nil
}

// foldSelected is for members[value eq "x"].
func (f *folder) foldSelected(op Op, ids []string) error {
	values, ok := op.Where.OneOf("value")
	if !ok {
		return refuse(InvalidFilter, "members are selected by their value only: members[value eq \"id\"].")
	}
	selected := map[string]bool{}
	list := make([]string, len(values))
	for i, v := range values {
		list[i], _ = v.(string)
		selected[list[i]] = true
	}
	if op.Kind == Remove {
		f.want(list, false)
		return nil
	}
	for _, id := range ids {
		if !selected[id] {
			return refuse(Mutability, "the value of a member cannot be changed; remove it and add another.")
		}
	}
	f.want(ids, true)
	return nil
}

// ids lists the members that the operation's value names.
func (op Op) ids() ([]string, error) {
	value, err := op.Ref.Attr.Normalize(op.Value)
	if err != nil {
		return nil, err
	}
	list, _ := value.([]any)
	if sent, ok := op.Value.([]any); ok && len(sent) > 0 && len(list) == 0 {
		return nil, refuse(InvalidValue, "a member needs a value, the id of a user or a group.")
	}
	return IDs(list), nil
}

// IDs lists the values of the elements of a normalized members attribute.
func IDs(members []any) []string {
	out := make([]string, 0, len(members))
	for _, m := range members {
		if object, ok := m.(map[string]any); ok {
			if id, ok := object["value"].(string); ok {
				out = append(out, id)
			}
		}
	}
	return out
}
