package sqldb

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzStatement holds the parting of statements against laws that need no other parser: nothing makes it fail, what it takes
// begins as a query does, and it is never blind for what follows a text that it takes.
func FuzzStatement(f *testing.F) {
	for _, seed := range []string{
		"SELECT 1", "SELECT 'a''b', \"c\"\"d\", `e`, [f]]g] FROM t -- h", "WITH a AS (SELECT $$;$$, E'\\'') SELECT /* /* */ */ * FROM a", "SELECT $1, 0x1F, 1.5e3, .5",
		"SELECT 1 /*! 2 */", "SELECT 1 # 2\n", "SELECT '\\'", "(SELECT 1) UNION (SELECT 2);", "SELECT \u00e9", "SELECT 1\r\nFROM t", "SELECT $a$ $b$ $a$",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, d := range dialects {
			if d.checkStatement(text) != nil {
				continue
			}
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\v\f\u2028") {
				t.Errorf("%s takes %q", name, text)
			}
			if got, err := d.lexis.tokens(text + "\n"); err != nil || len(got) == 0 {
				t.Fatalf("%s takes %q, and with the end of the line no more: %v", name, text, err)
			}
			// What comes after it in a line of its own is seen.
			more := strings.TrimRight(text, "; \t\r\n") + "\n;\nDELETE FROM t"
			if strings.HasSuffix(strings.TrimRight(text, "; \t\r\n"), "*") {
				continue
			}
			if d.checkStatement(more) == nil {
				t.Errorf("%s takes %q", name, more)
			}
		}
	})
}

func TestNamesAreQuotedAsTheDialectDoes(t *testing.T) {
	t.Parallel()
	for driver, want := range map[string]string{
		"postgres":  `SELECT "GroupID" AS group_id, "UserID" AS member_id FROM "CustomUM"."UserGroup"`,
		"mysql":     "SELECT `GroupID` AS group_id, `UserID` AS member_id FROM `CustomUM`.`UserGroup`",
		"sqlserver": "SELECT [GroupID] AS group_id, [UserID] AS member_id FROM [CustomUM].[UserGroup]",
	} {
		texts := presets[presetK2](dialects[driver])
		if texts[keyLinks] != want {
			t.Errorf("%s: %s", driver, texts[keyLinks])
		}
		for key, text := range texts {
			if err := dialects[driver].checkStatement(text); err != nil {
				t.Errorf("%s: %s: %v", driver, key, err)
			}
			for _, never := range []string{"password", "hash", "*"} {
				if strings.Contains(strings.ToLower(text), never) {
					t.Errorf("%s: %s asks for %s", driver, key, never)
				}
			}
		}
	}
}
