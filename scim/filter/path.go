package filter

// Path is the path of a PATCH operation (RFC 7644 section 3.5.2, figure 7): an attribute, or elements of it that a
// filter selects, and then perhaps one of their sub-attributes.
type Path struct {
	// Attr is the attribute; its Sub is set where no filter stands before it.
	Attr AttrPath
	// Where is nil where there is no filter.
	Where Expr
	// Sub is the sub-attribute after a filter.
	Sub string
}

func (p Path) String() string {
	if p.Where == nil {
		return p.Attr.String()
	}
	text := p.Attr.String() + "[" + p.Where.String() + "]"
	if p.Sub != "" {
		text += "." + p.Sub
	}
	return text
}

// ParsePath reads a path. Its errors are of type [Error].
func ParsePath(text string) (Path, error) {
	p, err := newParser(text)
	if err != nil {
		return Path{}, err
	}
	path := Path{}
	if path.Attr, err = p.path(); err != nil {
		return Path{}, err
	}
	if p.now.is("[") {
		if path.Where, err = p.element(path.Attr); err != nil {
			return Path{}, err
		}
		if path.Sub, err = p.subAttribute(); err != nil {
			return Path{}, err
		}
	}
	if p.now.kind != end {
		return Path{}, p.unexpected("the end of the path")
	}
	return path, nil
}
