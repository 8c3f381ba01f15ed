package wire

import "testing"

func TestQueryValue_matchesPython(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"a=1": "1", "a=1&a=2": "2", "b=1&&a=x+y%2B": "x y+", "%61=1": "1", "a": "", "a=": "", "a=1=2": "1=2", "a=1;b=2": "1;b=2",
		"a=%zz": "%zz", "a=%7": "%7", "a=%": "%", "a=%%41": "%A", "a=%c3%A9%ff": "é\ufffd", "a=%00": "\x00",
	} {
		if got, given := queryValue(query, "a"); got != want || !given {
			t.Errorf("%s: %q, given %t, want %q", query, got, given, want)
		}
	}
	for _, query := range []string{"", "&", "b=a", "A=1", "b=1;a=2"} {
		if got, given := queryValue(query, "a"); given {
			t.Errorf("%s: %q, want none", query, got)
		}
	}
	if got, given := queryValue("=1", ""); got != "1" || !given {
		t.Errorf("no key: %q, given %t, want 1", got, given)
	}
}
