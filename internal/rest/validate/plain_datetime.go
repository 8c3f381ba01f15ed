package validate

import (
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
)

// PlainTime reads a text as pydantic itself reads a datetime: a date with or without a
// time, or a number as Unix time. Time reads the more lenient type of Prefect's bodies.
func (n Node) PlainTime() time.Time {
	text := n.Value.Text()
	if n.Value.Kind() == pyjson.String {
		if t, ok := plainTime(text); ok {
			return t
		}
	}
	fault := dateFault(text)
	n.Add("datetime_from_date_parsing", "Input should be a valid datetime or date, "+fault, Context("error", fault))
	return time.Time{}
}

func plainTime(text string) (time.Time, bool) {
	if numeric.MatchString(text) {
		return timeOfNumber(text)
	}
	return timeOfISO(internet, text)
}

// dateForm is the form of a date.
const dateForm = "yyyy-mm-dd"

// dateFault says why a text is not a date: pydantic reads a text as a date if it is no
// datetime, and reports that fault.
func dateFault(text string) string {
	if len(text) < len(dateForm) {
		return "input is too short"
	}
	for i := range len(dateForm) {
		if fault := characterFault(dateForm[i], text[i]); fault != "" {
			return fault
		}
	}
	if month := text[5:7]; month < "01" || month > "12" {
		return "month value is outside expected range of 1-12"
	}
	if _, err := time.Parse(time.DateOnly, text[:len(dateForm)]); err != nil {
		return "day value is outside expected range"
	}
	return "unexpected extra characters at the end of the input"
}

// characterFault says why a character cannot stand where the form of a date has another, ""
// if it can.
func characterFault(form, c byte) string {
	if form == '-' {
		if c != '-' {
			return "invalid date separator, expected `-`"
		}
		return ""
	}
	if '0' <= c && c <= '9' {
		return ""
	}
	return map[byte]string{'y': "invalid character in year", 'm': "invalid character in month", 'd': "invalid character in day"}[form]
}
