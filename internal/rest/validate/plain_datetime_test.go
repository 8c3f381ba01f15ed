package validate

import (
	"testing"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

func TestPlainTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2031, time.June, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]struct {
		at    time.Time
		fault string
	}{
		"2031-06-01T12:00:00Z":      {at: noon},
		"2031-06-01 12:00":          {at: noon},
		"2031-06-01T14:00:00+02:00": {at: noon},
		"2031-06-01":                {at: noon.Add(-12 * time.Hour)},
		"1938081600":                {at: noon},
		"nonsense":                  {fault: "input is too short"},
		"yesterday at noon":         {fault: "invalid character in year"},
		"2031/06/01":                {fault: "invalid date separator, expected `-`"},
		"2031-xx-01":                {fault: "invalid character in month"},
		"2031-06-xx":                {fault: "invalid character in day"},
		"2031-13-01":                {fault: "month value is outside expected range of 1-12"},
		"2031-02-29":                {fault: "day value is outside expected range"},
		"2031-06-01T12:00:00 02:00": {fault: "unexpected extra characters at the end of the input"},
	} {
		var faults Faults
		got := faults.Node(pyjson.StringValue(text), "query", "since").PlainTime()
		errs := faults.Errors()
		if want.fault == "" {
			if len(errs) > 0 || !got.Equal(want.at) {
				t.Errorf("%s: %v, faults %v, want %v", text, got, errs, want.at)
			}
			continue
		}
		wantMsg := "Input should be a valid datetime or date, " + want.fault
		if len(errs) != 1 || errs[0].Msg != wantMsg || errs[0].Type != "datetime_from_date_parsing" {
			t.Errorf("%s: faults %+v, want %q", text, errs, wantMsg)
		}
	}
}
