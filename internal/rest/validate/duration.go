package validate

import (
	"regexp"
	"strconv"
	"time"
)

// duration is ISO 8601 without years and months, which have no fixed length.
var duration = regexp.MustCompile(`^([+-]?)P(?:(\d{1,5})W|(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:[.,]\d{1,9})?)S)?)?)$`)

// Duration reads an ISO 8601 duration such as P1DT2H3M4.5S, truncated to
// microseconds.
func Duration(text string) (d time.Duration, ok bool) {
	found := duration.FindStringSubmatch(text)
	if found == nil || text[len(text)-1] == 'P' || text[len(text)-1] == 'T' {
		return 0, false
	}
	const day = 24 * time.Hour
	for i, unit := range []time.Duration{7 * day, day, time.Hour, time.Minute} {
		n, _ := strconv.Atoi(found[i+2]) // a missing number is 0
		d += time.Duration(n) * unit
	}
	d += secondsOf(found[len(found)-1])
	if found[1] == "-" {
		d = -d
	}
	return d, true
}

// secondsOf parses digits with or without a fraction. An empty text is 0.
func secondsOf(text string) time.Duration {
	whole, fraction := text, ""
	for i, c := range text {
		if c == '.' || c == ',' {
			whole, fraction = text[:i], text[i+1:]
		}
	}
	n, _ := strconv.Atoi(whole)
	return time.Duration(n)*time.Second + time.Duration(parts{"fraction": fraction}.nanoseconds())
}
