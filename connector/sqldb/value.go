package sqldb

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

func sizeOf(value any) int {
	switch value := value.(type) {
	case string:
		return len(value)
	case []byte:
		return len(value)
	}
	return 0
}

// text is a value as text, without spaces around it: those of a column of fixed length mean nothing. It is empty for NULL.
func text(value any, databaseType string) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(value)
	case []byte:
		return strings.TrimSpace(bytesText(value, databaseType))
	case bool:
		return strconv.FormatBool(value)
	case int64:
		return strconv.FormatInt(value, 10)
	case uint64:
		return strconv.FormatUint(value, 10)
	case float32:
		return floatText(float64(value), 32)
	case float64:
		return floatText(value, 64)
	case time.Time:
		return value.UTC().Format(time.RFC3339Nano)
	}
	return ""
}

// floatText is a number without an exponent where it is a whole one, as ids are.
func floatText(value float64, bits int) string {
	if value == math.Trunc(value) && math.Abs(value) < 1<<53 {
		return strconv.FormatFloat(value, 'f', 0, bits)
	}
	return strconv.FormatFloat(value, 'g', -1, bits)
}

// bytesText is a value that a driver gives as bytes: a text, a UUID of 16 bytes, or bytes indeed. UUIDs are written as the
// database itself writes them.
func bytesText(value []byte, databaseType string) string {
	switch databaseType {
	case "UNIQUEIDENTIFIER":
		if id, err := uuid.FromBytes(value); err == nil {
			return strings.ToUpper(id.String())
		}
	case "BINARY", "VARBINARY", "BYTEA", "BLOB", "TINYBLOB", "IMAGE", "TIMESTAMP", "ROWVERSION":
		if id, err := uuid.FromBytes(value); err == nil {
			return id.String()
		}
		if databaseType != "TIMESTAMP" || !utf8.Valid(value) {
			return hex.EncodeToString(value)
		}
	case "BIT":
		if len(value) <= 8 {
			n := uint64(0)
			for _, b := range value {
				n = n<<8 | uint64(b)
			}
			return strconv.FormatUint(n, 10)
		}
	}
	if !utf8.Valid(value) {
		return hex.EncodeToString(value)
	}
	return string(value)
}

// truth is a value that says yes or no; known is false where it says neither, and told is false for NULL.
func truth(text string) (yes, known bool) {
	switch strings.ToLower(text) {
	case "true", "t", "yes", "y", "on", "1", "-1":
		return true, true
	case "false", "f", "no", "n", "off", "0":
		return false, true
	}
	return false, false
}
