package validate

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// Time reads a point in time (contract §2.0), truncated to microseconds. It
// keeps the given offset. Without an offset, the time is in UTC.
func (n Node) Time() time.Time {
	if n.Value.Kind() == pyjson.String {
		t, ok := timeOfText(n.Value.Text())
		if !ok {
			n.Refuse("Unable to parse string [" + n.Value.Text() + "]")
		}
		return t
	}
	if n.Value.Kind() == pyjson.Number {
		if t, ok := timeOfNumber(n.Value.Text()); ok {
			return t
		}
	}
	n.Add("value_error", "value is not a valid datetime", nil)
	return time.Time{}
}

var numeric = regexp.MustCompile(`^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$`)

func timeOfText(text string) (time.Time, bool) {
	if numeric.MatchString(text) {
		return timeOfNumber(text)
	}
	for _, form := range []*regexp.Regexp{internet, extended, basic} {
		if t, ok := timeOfISO(form, text); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

const (
	// lastSecond is the largest absolute value that counts as seconds. Larger
	// values are milliseconds.
	lastSecond = 20_000_000_000
	micros     = 1_000_000
	millis     = 1000
)

// timeOfNumber parses the text of a number as Unix time, rounded to
// microseconds.
func timeOfNumber(text string) (time.Time, bool) {
	const farFuture = 1e15 // after the last valid year, in milliseconds
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > farFuture {
		return time.Time{}, false
	}
	scale := int64(micros)
	if math.Abs(f) > lastSecond {
		scale = micros / millis
	}
	whole := math.Floor(f)
	fraction := int64(math.Round((f - whole) * float64(scale)))
	return inYears(time.UnixMicro(int64(whole)*scale + fraction).UTC())
}

// inYears rejects years that Python does not support. The year counts in UTC,
// because responses have times in UTC.
func inYears(t time.Time) (time.Time, bool) {
	const last = 9999
	year := t.UTC().Year()
	return t, 1 <= year && year <= last
}

// internet is a lenient RFC 3339: the separator may be a space or an
// underscore, and the seconds, the zone or the whole time may be omitted.
var internet = regexp.MustCompile(`^(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)` +
	`(?:[Tt _](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?` +
	`(?P<zone>[Zz]|(?P<sign>[+\-−])(?P<zhour>\d\d):?(?P<zminute>\d\d))?)?$`)

// extended and basic are the two formats of ISO 8601 for days, weeks and days
// of the year. Minutes may be omitted, also in the zone.
var (
	extended = regexp.MustCompile(`^(?P<year>\d{4})` +
		`(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?|-W(?P<week>\d\d)(?:-(?P<weekday>[1-7]))?|-(?P<yearday>\d{3}))` +
		`(?:[T ](?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?` + isoZone + `)?$`)
	basic = regexp.MustCompile(`^(?P<year>\d{4})` +
		`(?:(?P<month>\d\d)(?P<day>\d\d)|W(?P<week>\d\d)(?P<weekday>[1-7])?|(?P<yearday>\d{3}))` +
		`(?:[T ](?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?)?` + isoZone + `)?$`)
)

const isoZone = `(?P<zone>Z|(?P<sign>[+-])(?P<zhour>\d\d):?(?P<zminute>\d\d)?)?`

// parts are the named groups of the text of a time.
type parts map[string]string

// number returns a part as a number, or a default if it is missing.
func (p parts) number(name string, absent int) int {
	n, err := strconv.Atoi(p[name])
	if err != nil {
		return absent
	}
	return n
}

func timeOfISO(form *regexp.Regexp, text string) (time.Time, bool) {
	found := form.FindStringSubmatch(text)
	if found == nil {
		return time.Time{}, false
	}
	p := parts{}
	for i, name := range form.SubexpNames() {
		p[name] = found[i]
	}
	zone, ok := p.zone()
	if !ok {
		return time.Time{}, false
	}
	day, ok := p.date()
	if !ok {
		return time.Time{}, false
	}
	hour, minute, second := p.number("hour", 0), p.number("minute", 0), p.number("second", 0)
	if hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return inYears(time.Date(day.Year(), day.Month(), day.Day(), hour, minute, second, p.nanoseconds(), zone))
}

// nanoseconds reads the fraction, truncated to microseconds.
func (p parts) nanoseconds() int {
	const digits = 6
	fraction := p["fraction"]
	fraction = (fraction + strings.Repeat("0", digits))[:digits]
	n, err := strconv.Atoi(fraction)
	if err != nil {
		return 0
	}
	return n * int(time.Microsecond)
}

func (p parts) zone() (*time.Location, bool) {
	if p["sign"] == "" {
		return time.UTC, true
	}
	hours, minutes := p.number("zhour", 0), p.number("zminute", 0)
	seconds := (hours*60 + minutes) * 60
	if hours > 23 || minutes > 59 {
		return nil, false
	}
	if seconds == 0 {
		return time.UTC, true
	}
	if p["sign"] != "+" {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}

// date returns the day, at midnight.
func (p parts) date() (time.Time, bool) {
	year := p.number("year", 0)
	if year == 0 {
		return time.Time{}, false
	}
	switch {
	case p["week"] != "":
		return weekDate(year, p.number("week", 0), p.number("weekday", 1))
	case p["yearday"] != "":
		day := p.number("yearday", 0)
		t := time.Date(year, time.January, day, 0, 0, 0, 0, time.UTC)
		return t, day >= 1 && t.Year() == year
	default:
		month, day := p.number("month", 0), p.number("day", 1)
		t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		return t, t.Day() == day && int(t.Month()) == month
	}
}

// weekDate returns a day of an ISO week. Monday is 1.
func weekDate(year, week, weekday int) (time.Time, bool) {
	const daysOfWeek = 7
	fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC) // always in week 1
	monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+daysOfWeek-1)%daysOfWeek+(week-1)*daysOfWeek)
	if y, w := monday.ISOWeek(); y != year || w != week {
		return time.Time{}, false
	}
	return monday.AddDate(0, 0, weekday-1), true
}
