package convert

import (
	"fmt"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// The range of times in an object: the years 1 to 9999, as on the wire (contract
// §2.0), without the first microsecond, because the zero time means no time and is
// written as null. Other times become the nearest one in the range, when they are
// written and when they are read.
var (
	firstTime = time.Date(1, time.January, 1, 0, 0, 0, 1000, time.UTC)
	lastTime  = time.Date(9999, time.December, 31, 23, 59, 59, 999_999_000, time.UTC)
)

// within returns the nearest time in the range, in UTC and microseconds.
func within(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	switch {
	case t.Before(firstTime):
		return firstTime
	case t.After(lastTime):
		return lastTime
	default:
		return t
	}
}

func microTime(t time.Time) v1alpha1.MicroTime { return v1alpha1.NewMicroTime(within(t)) }

func microTimePointer(t *time.Time) *v1alpha1.MicroTime {
	if t == nil {
		return nil
	}
	m := microTime(*t)
	return &m
}

func timePointer(m *v1alpha1.MicroTime) *time.Time {
	if m == nil {
		return nil
	}
	t := within(m.Time)
	return &t
}

// timeOr returns the time, or the other one if it is missing.
func timeOr(m *v1alpha1.MicroTime, other time.Time) time.Time {
	if m.IsZero() {
		return other
	}
	return within(m.Time)
}

// latest returns the latest of the times that are set.
func latest(t time.Time, others ...*time.Time) time.Time {
	for _, other := range others {
		if other != nil && other.After(t) {
			t = *other
		}
	}
	return t
}

// longestRunTime is the maximum of the schema. A longer time is stored as this.
const longestRunTime = 999_999 * time.Hour

// secondsToObject writes a duration as decimal seconds, exactly; 0 is empty.
func secondsToObject(d time.Duration) v1alpha1.Seconds {
	if d == 0 {
		return ""
	}
	d = min(max(d, -longestRunTime), longestRunTime)
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	text := fmt.Sprintf("%d.%09d", d/time.Second, d%time.Second)
	return sign + strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// secondsFromObject reads decimal seconds, exactly; an invalid text is 0.
func secondsFromObject(text v1alpha1.Seconds) time.Duration {
	d, err := time.ParseDuration(text + "s")
	if err != nil || strings.Trim(text, "-.0123456789") != "" { // 1m would be milliseconds
		return 0
	}
	return d
}
