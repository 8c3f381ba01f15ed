package validate

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"PT0S": 0, "PT4.5S": 4500 * time.Millisecond, "PT1M0,25S": 60250 * time.Millisecond, "P1DT2H3M4S": 26*time.Hour + 3*time.Minute + 4*time.Second,
		"P2D": 48 * time.Hour, "P1W": 168 * time.Hour, "-PT1H": -time.Hour, "+PT1H": time.Hour, "PT0.0000019S": time.Microsecond,
	} {
		if got, ok := Duration(text); !ok || got != want {
			t.Errorf("%s: %s %t, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "P", "PT", "-P", "P1DT", "1D", "P1Y", "P1M", "PT1", "PT1.5H", "PT1S1M", "P1W1D", "PT9999999999S", " PT1S"} {
		if got, ok := Duration(text); ok {
			t.Errorf("%q: %s, want none", text, got)
		}
	}
}
