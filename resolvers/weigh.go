package resolvers

import "github.com/vektah/gqlparser/v2/ast"

// workedOut is what a leaf field costs that walks or counts before it answers, in objects.
const workedOut = 10

// Weigh is what a field costs beside the objects that an answer holds. A leaf field that takes arguments walks
// memberships or looks something up, and a connection's totalCount counts what its page leaves out; neither is in
// the answer. Everything else was read with its object.
func Weigh(field *ast.FieldDefinition) int64 {
	if len(field.Arguments) > 0 || field.Name == "totalCount" {
		return workedOut
	}
	return 0
}
