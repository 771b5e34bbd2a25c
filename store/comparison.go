package store

import "github.com/roster-gateway/roster/directory"

// comparesWithNothing is the answer where value and operand are of different types: only "not equal" holds.
func comparesWithNothing(op directory.CompareOp) string {
	if op == directory.NotEqual {
		return "true"
	}
	return "false"
}

var sqlOperators = map[directory.CompareOp]string{
	directory.Equal: "=", directory.NotEqual: "IS DISTINCT FROM",
	directory.Greater: ">", directory.GreaterOrEqual: ">=", directory.Less: "<", directory.LessOrEqual: "<=",
}

// compareWhole compares what is never null, as it stands, so that an index serves.
func compareWhole(left string, op directory.CompareOp, right string) string {
	if operator, ok := sqlOperators[op]; ok {
		return "(" + left + " " + operator + " " + right + ")"
	}
	return "false"
}

// compareOrdered compares values that SQL orders as SCIM does. Absent values compare with nothing.
func compareOrdered(left string, op directory.CompareOp, right string) string {
	operator, ok := sqlOperators[op]
	switch {
	case !ok:
		return "false"
	case op == directory.NotEqual:
		return "(" + left + " IS DISTINCT FROM " + right + ")"
	default:
		return "coalesce(" + left + " " + operator + " " + right + ", false)"
	}
}

// compareText compares text; LIKE's metacharacters are literal because LIKE is not used.
func compareText(left string, op directory.CompareOp, right string) string {
	switch op {
	case directory.Contains:
		return "coalesce(strpos(" + left + ", " + right + ") > 0, false)"
	case directory.StartsWith:
		return "coalesce(starts_with(" + left + ", " + right + "), false)"
	case directory.EndsWith:
		return "coalesce(right(" + left + ", length(" + right + ")) = " + right + ", false)"
	case directory.Equal:
		return "(" + left + " IS NOT NULL AND " + left + " = " + right + ")"
	default:
		return compareOrdered(left+` COLLATE "C"`, op, right)
	}
}
