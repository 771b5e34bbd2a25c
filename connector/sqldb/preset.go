package sqldb

import "strings"

// presetK2 reads the tables of K2's SQL user manager ("Adding, Editing and Deleting SQL User Information", Nintex).
const presetK2 = "k2sqlum"

// presets are ready-made queries by the keys that they stand for.
var presets = map[string]func(*dialect) map[string]string{
	presetK2: func(d *dialect) map[string]string {
		return map[string]string{
			// The table has passwords, too. They are not asked for, and so cannot be kept.
			keyUsers:  d.quoted(`SELECT "UserID" AS id, "UserName" AS username, "DisplayName" AS displayname, "UserEmail" AS email, "UserDescription" AS description, "ManagerID" AS manager FROM "CustomUM"."User"`),
			keyGroups: d.quoted(`SELECT "GroupID" AS id, "GroupName" AS name, "GroupDescription" AS description FROM "CustomUM"."Group"`),
			keyLinks:  d.quoted(`SELECT "GroupID" AS group_id, "UserID" AS member_id FROM "CustomUM"."UserGroup"`),
		}
	},
}

// quoted is a query whose names are quoted as the standard has it, in the dialect's own way.
func (d *dialect) quoted(query string) string {
	out, inside := strings.Builder{}, false
	for _, r := range query {
		switch {
		case r != '"':
			out.WriteRune(r)
		case inside:
			out.WriteByte(d.quotes[1])
			inside = false
		default:
			out.WriteByte(d.quotes[0])
			inside = true
		}
	}
	return out.String()
}
