package pyjson

import (
	"testing"
	"time"
)

func TestAppendTime_documentedFormats(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -5*3600-30*60)
	cases := map[string]struct {
		time time.Time
		want string
	}{
		"zero microseconds have no fraction": {time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC), `"2031-02-03T04:05:06Z"`},
		"other microseconds have six digits": {time.Date(2031, 2, 3, 4, 5, 6, 100000000, time.UTC), `"2031-02-03T04:05:06.100000Z"`},
		"a smaller fraction is truncated":    {time.Date(2031, 2, 3, 4, 5, 6, 999, time.UTC), `"2031-02-03T04:05:06Z"`},
		"another zone keeps its offset":      {time.Date(2031, 2, 3, 4, 5, 6, 0, zone), `"2031-02-03T04:05:06-05:30"`},
		"an offset of zero is UTC":           {time.Date(2031, 2, 3, 4, 5, 6, 0, time.FixedZone("x", 0)), `"2031-02-03T04:05:06Z"`},
		"the first year has four digits":     {time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), `"0001-01-01T00:00:00Z"`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(AppendTime(nil, tc.time)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAppendSeconds_writesFloats(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                                   "0.0",
		10 * time.Second:                    "10.0",
		1500 * time.Millisecond:             "1.5",
		time.Microsecond:                    "1e-06",
		100 * time.Microsecond:              "0.0001",
		-2 * time.Second:                    "-2.0",
		123*time.Second + time.Microsecond:  "123.000001",
		100000*time.Hour + time.Microsecond: "360000000.000001",
	} {
		if got := string(AppendSeconds(nil, d)); got != want {
			t.Errorf("%v is written %s, want %s", d, got, want)
		}
	}
}

// The result is the same as that of package time with the documented formats.
func TestAppendTime_matchesPackageTime(t *testing.T) {
	t.Parallel()
	zones := []*time.Location{time.UTC, time.FixedZone("", 0), time.FixedZone("", 2*3600), time.FixedZone("", -5*3600-1800)}
	for _, zone := range zones {
		for _, nanos := range []int{0, 1, 999, 1000, 1001, 10_000, 123_456_789, 999_999_999, 500_000_000} {
			for _, year := range []int{1, 999, 1969, 1970, 2026, 9999} {
				at := time.Date(year, time.February, 3, 4, 5, 6, nanos, zone)
				want := at.Format("2006-01-02T15:04:05.000000Z07:00")
				if nanos < 1000 {
					want = at.Format("2006-01-02T15:04:05Z07:00")
				}
				if got := string(AppendTime(nil, at)); got != `"`+want+`"` {
					t.Errorf("AppendTime(%v) = %s, want %q", at, got, want)
				}
			}
		}
	}
}
