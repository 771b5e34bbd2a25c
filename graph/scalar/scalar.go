// Package scalar holds the GraphQL forms of Roster's scalar types.
package scalar

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/roster-gateway/roster/directory"
)

// MarshalDateTime writes an RFC 3339 time in UTC.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.MarshalString(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalDateTime reads an RFC 3339 time with any offset.
func UnmarshalDateTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok {
		return time.Time{}, directory.BadInput("", "a DateTime is a string such as 2026-01-31T08:00:00Z")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, directory.BadInput("", "%q is no DateTime; write it as RFC 3339, such as 2026-01-31T08:00:00Z", text)
	}
	return t.UTC(), nil
}

// MarshalCursor writes an opaque cursor.
func MarshalCursor(c directory.Cursor) graphql.Marshaler { return graphql.MarshalString(string(c)) }

// UnmarshalCursor takes any string: the list that it is passed to tells whether it is a cursor of that list.
func UnmarshalCursor(v any) (directory.Cursor, error) {
	text, err := graphql.UnmarshalString(v)
	return directory.Cursor(text), err
}

// MarshalRevision writes the opaque form of a revision.
func MarshalRevision(r directory.Revision) graphql.Marshaler {
	return graphql.MarshalString(r.String())
}

// UnmarshalRevision reads the opaque form of a revision.
func UnmarshalRevision(v any) (directory.Revision, error) {
	text, err := graphql.UnmarshalString(v)
	if err != nil {
		return directory.Revision{}, err
	}
	return directory.ParseRevision(text)
}

// MarshalDuration writes an ISO 8601 duration of days, hours, minutes and seconds, such as PT15M or P1DT2H.
func MarshalDuration(d time.Duration) graphql.Marshaler {
	return graphql.MarshalString(FormatDuration(d))
}

// FormatDuration is the ISO 8601 form of a duration, without months and years.
func FormatDuration(d time.Duration) string {
	if d == 0 {
		return "PT0S"
	}
	text := ""
	if d < 0 {
		text, d = "-", -d
	}
	text += "P"
	if days := d / (24 * time.Hour); days > 0 {
		text += strconv.Itoa(int(days)) + "D"
		d -= days * 24 * time.Hour
	}
	if d == 0 {
		return text
	}
	text += "T"
	if h := d / time.Hour; h > 0 {
		text += strconv.Itoa(int(h)) + "H"
		d -= h * time.Hour
	}
	if m := d / time.Minute; m > 0 {
		text += strconv.Itoa(int(m)) + "M"
		d -= m * time.Minute
	}
	if d > 0 {
		text += strconv.FormatInt(int64(d/time.Second), 10)
		if fraction := d % time.Second; fraction > 0 { // not by floating point, which is off by some nanoseconds
			text += strings.TrimRight(fmt.Sprintf(".%09d", fraction.Nanoseconds()), "0")
		}
		text += "S"
	}
	return text
}

var (
	isoDuration = regexp.MustCompile(`^P(?:(\d{1,7})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,7})(?:\.(\d{1,9}))?S)?)?$`)
	oldDuration = regexp.MustCompile(`^(\d{1,5}):(\d{1,2}):(\d{1,2}):(\d{1,2})$`)
)

// UnmarshalDuration reads an ISO 8601 duration without months and years (PT15M), or DD:HH:MM:SS.
func UnmarshalDuration(v any) (time.Duration, error) {
	text, ok := v.(string)
	if !ok {
		return 0, directory.BadInput("", "a Duration is a string such as PT15M or 00:00:15:00")
	}
	if m := oldDuration.FindStringSubmatch(text); m != nil {
		return total(text, 24*60*60*number(m[1])+60*60*number(m[2])+60*number(m[3])+number(m[4]), 0)
	}
	m := isoDuration.FindStringSubmatch(text)
	if m == nil || text[len(text)-1] == 'P' || text[len(text)-1] == 'T' {
		return 0, directory.BadInput("", "%q is no Duration; write it as ISO 8601 without months and years, such as PT15M, or as DD:HH:MM:SS", text)
	}
	seconds := 7*24*60*60*number(m[1]) + 24*60*60*number(m[2]) + 60*60*number(m[3]) + 60*number(m[4]) + number(m[5])
	return total(text, seconds, number((m[6] + "000000000")[:9]))
}

// maxSeconds is what a time.Duration holds, about 292 years.
const maxSeconds = math.MaxInt64/int64(time.Second) - 1

func total(text string, seconds, nanoseconds int64) (time.Duration, error) {
	if seconds > maxSeconds {
		return 0, directory.BadInput("", "%q is longer than a Duration can be", text)
	}
	return time.Duration(seconds)*time.Second + time.Duration(nanoseconds), nil
}

// number is a count that the expressions above have matched as digits; none is 0.
func number(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}
