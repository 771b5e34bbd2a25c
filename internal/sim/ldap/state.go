package ldap

import "slices"

// Object is a user or a group that is read.
type Object struct {
	// DN is its distinguished name.
	DN string
	// Attributes are those that are set, as the directory calls them.
	Attributes map[string]string
	// Others are the keys of a group's members, those by their primary group too, or of a user's manager, sorted: those that
	// are read.
	Others []string
}

// State is the truth about the folder that is read.
type State struct {
	Users, Groups map[string]Object
}

// State returns the truth to compare with.
func (d *Domain) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := State{Users: map[string]Object{}, Groups: map[string]Object{}}
	for _, o := range d.all {
		if !d.read(o) {
			continue
		}
		into := Object{DN: d.nameOf(o), Attributes: map[string]string{}}
		for name, v := range o.values {
			if v.text != "" {
				into.Attributes[name] = v.text
			}
		}
		for _, links := range o.links {
			for _, l := range links {
				if !l.removed && d.read(l.to) {
					into.Others = append(into.Others, l.to.id.String())
				}
			}
		}
		for _, user := range d.all {
			if user.class == User && d.read(user) && o.primary(user) {
				into.Others = append(into.Others, user.id.String())
			}
		}
		slices.Sort(into.Others)
		into.Others = slices.Compact(into.Others)
		if o.class == User {
			out.Users[o.id.String()] = into
		} else {
			out.Groups[o.id.String()] = into
		}
	}
	return out
}

// read says that an object is a user or a group of the folder that is read.
func (d *Domain) read(o *object) bool {
	return (o.class == User || o.class == Group) && o.below(d.base)
}
