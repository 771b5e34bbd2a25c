package sqldb

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// The values are as the drivers give them: lib/pq in the text format, go-sql-driver/mysql of prepared statements, and
// go-mssqldb with its GUID conversion.
func TestValuesAsText(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0a1b2c3d-1111-2222-3333-444455556666")
	for _, c := range []struct {
		driver, databaseType string
		value                any
		want                 string
	}{
		{"postgres", "INT4", int64(-7), "-7"},
		{"postgres", "INT8", int64(1) << 62, "4611686018427387904"},
		{"postgres", "NUMERIC", []byte("12345678901234567890"), "12345678901234567890"},
		{"postgres", "FLOAT8", 17.0, "17"},
		{"postgres", "FLOAT8", 1e6, "1000000"},
		{"postgres", "FLOAT8", 0.5, "0.5"},
		{"postgres", "FLOAT8", 1e300, "1e+300"},
		{"postgres", "TEXT", " Ana ", "Ana"},
		{"postgres", "BPCHAR", "ana@example.com          ", "ana@example.com"},
		{"postgres", "UUID", []byte(id.String()), id.String()},
		{"postgres", "BYTEA", id[:], id.String()},
		{"postgres", "BYTEA", []byte{0xde, 0xad}, "dead"},
		{"postgres", "BOOL", true, "true"},
		{"postgres", "TIMESTAMPTZ", time.Date(2024, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600)), "2024-01-02T02:04:05.000006Z"},
		{"postgres", "CITEXT", []byte("Ana"), "Ana"},
		{"postgres", "TEXT", nil, ""},

		{"mysql", "INT", int64(7), "7"},
		{"mysql", "UNSIGNED BIGINT", uint64(1<<64 - 1), "18446744073709551615"},
		{"mysql", "TINYINT", int64(1), "1"},
		{"mysql", "BIT", []byte{1}, "1"},
		{"mysql", "BIT", []byte{0}, "0"},
		{"mysql", "BIT", []byte{1, 0}, "256"},
		{"mysql", "VARCHAR", []byte("Größe"), "Größe"},
		{"mysql", "CHAR", []byte("36 characters, as a UUID has as text"), "36 characters, as a UUID has as text"},
		{"mysql", "CHAR", []byte("sixteen letters!"), "sixteen letters!"},
		{"mysql", "BINARY", id[:], id.String()},
		{"mysql", "VARBINARY", []byte("abc"), "616263"},
		{"mysql", "FLOAT", float32(3), "3"},
		{"mysql", "FLOAT", float32(0.1), "0.1"},
		{"mysql", "DATETIME", []byte("2024-01-02 03:04:05"), "2024-01-02 03:04:05"},
		{"mysql", "VARCHAR", []byte{0xff}, "ff"},

		{"sqlserver", "INT", int64(7), "7"},
		{"sqlserver", "UNIQUEIDENTIFIER", id[:], "0A1B2C3D-1111-2222-3333-444455556666"},
		{"sqlserver", "NVARCHAR", "Größe", "Größe"},
		{"sqlserver", "BIT", true, "true"},
		{"sqlserver", "DECIMAL", []byte("12.50"), "12.50"},
		{"sqlserver", "VARBINARY", []byte{1, 2}, "0102"},
		{"sqlserver", "TIMESTAMP", []byte{0, 0, 0, 0, 0, 0, 7, 0xd1}, "00000000000007d1"},
		{"sqlserver", "DATETIME2", time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), "2024-01-02T03:04:05Z"},
	} {
		if got := text(c.value, c.databaseType); got != c.want {
			t.Errorf("%s: %v of type %s is %q, not %q", c.driver, c.value, c.databaseType, got, c.want)
		}
	}
}

func TestYesAndNo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"true": "yes", "T": "yes", "1": "yes", "Yes": "yes", "y": "yes", "on": "yes", "-1": "yes",
		"false": "no", "F": "no", "0": "no", "NO": "no", "n": "no", "off": "no",
		"": "unknown", "2": "unknown", "active": "unknown", "null": "unknown", "00": "unknown",
	} {
		yes, known := truth(text)
		got := map[[2]bool]string{{true, true}: "yes", {false, true}: "no", {false, false}: "unknown"}[[2]bool{yes, known}]
		if got != want {
			t.Errorf("%q is %s, not %s", text, got, want)
		}
	}
}
