package scalar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/graph/scalar"
)

func written(m graphql.Marshaler) string {
	var text strings.Builder
	m.MarshalGQL(&text)
	return text.String()
}

func TestDurationIsReadInBothForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text    string
		want    time.Duration
		written string
	}{
		{"PT15M", 15 * time.Minute, `"PT15M"`},
		{"00:00:15:00", 15 * time.Minute, `"PT15M"`},
		{"00:07:00:00", 7 * time.Hour, `"PT7H"`},
		{"1:02:03:04", 26*time.Hour + 3*time.Minute + 4*time.Second, `"P1DT2H3M4S"`},
		{"P1W", 7 * 24 * time.Hour, `"P7D"`},
		{"P1DT2H", 26 * time.Hour, `"P1DT2H"`},
		{"PT90M", 90 * time.Minute, `"PT1H30M"`},
		{"PT0.5S", 500 * time.Millisecond, `"PT0.5S"`},
		{"PT0S", 0, `"PT0S"`},
		{"PT4.565292957S", 4_565_292_957, `"PT4.565292957S"`},
	} {
		got, err := scalar.UnmarshalDuration(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.text, diff)
		}
		if diff := cmp.Diff(test.written, written(scalar.MarshalDuration(got))); diff != "" {
			t.Errorf("%s written (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestDurationRefusesTheRest(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"", "P", "PT", "P1DT", "P1M", "P1Y", "-PT5M", "15", "15m", "1:2:3", "PT1H2", " PT5M", "PT99999999H", "P9999999W", "PT9999999H9999999M", "99999:00:00:00x", 15, nil, true} {
		if got, err := scalar.UnmarshalDuration(value); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("%v was read as %v, error %v", value, got, err)
		}
	}
}

func TestDurationSurvivesARoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, int64(1_000*24*time.Hour)).Draw(t, "duration"))
		got, err := scalar.UnmarshalDuration(scalar.FormatDuration(want))
		if err != nil || got != want {
			t.Fatalf("%s came back as %v, error %v", scalar.FormatDuration(want), got, err)
		}
	})
}

func TestDateTimeIsWrittenInUTC(t *testing.T) {
	t.Parallel()
	got, err := scalar.UnmarshalDateTime("2026-01-31T10:00:00.25+02:00")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`"2026-01-31T08:00:00.25Z"`, written(scalar.MarshalDateTime(got))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, value := range []any{"", "2026-01-31", "2026-01-31T08:00:00", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", 1, nil} {
		if got, err := scalar.UnmarshalDateTime(value); !directory.HasCode(err, directory.CodeBadInput) {
			t.Errorf("%v was read as %v, error %v", value, got, err)
		}
	}
}

func TestRevisionIsOpaque(t *testing.T) {
	t.Parallel()
	want := directory.Revision{Epoch: uuid.New(), XID: 7}
	text := strings.Trim(written(scalar.MarshalRevision(want)), `"`)
	got, err := scalar.UnmarshalRevision(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := scalar.UnmarshalRevision("7"); !directory.HasCode(err, directory.CodeBadInput) {
		t.Errorf("a number was read as a revision: %v", err)
	}
}

func TestCursorTakesAnyText(t *testing.T) {
	t.Parallel()
	got, err := scalar.UnmarshalCursor("x")
	if err != nil || got != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	if diff := cmp.Diff(`"x"`, written(scalar.MarshalCursor("x"))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
