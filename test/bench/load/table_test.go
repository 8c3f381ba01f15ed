package load

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTableIsMarkdown(t *testing.T) {
	t.Parallel()
	table := NewTable("a", "b")
	table.Row("1", "2")
	table.Row("alone")
	table.Row("x|y", "", "too many")
	want := "| a | b |\n|---|---|\n| 1 | 2 |\n| alone |  |\n| x\\|y |  |\n\n"
	if diff := cmp.Diff(want, table.String()); diff != "" {
		t.Error(diff)
	}
}

func TestNumbers_areFormattedBriefly(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ got, want string }{
		"a time below ten milliseconds": {Millis(1234 * time.Microsecond), "1.23 ms"},
		"a time above ten milliseconds": {Millis(1234567 * time.Microsecond), "1234.6 ms"},
		"a rate below ten":              {Rate(3.14), "3.1"},
		"a rate above ten":              {Rate(1234.5), "1234"},
		"a size below a mebibyte":       {Bytes(1536), "1.5 KiB"},
		"a negative size":               {Bytes(-1536), "-1.5 KiB"},
		"a size above a mebibyte":       {Bytes(10 << 20), "10 MiB"},
		"a ratio near one":              {Ratio{0.854, 0.8, 0.9}.String(), "0.85 (0.80 to 0.90)"},
		"a ratio far from one":          {Ratio{52.4, 48.6, 61}.String(), "52 (49 to 61)"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.got != c.want {
				t.Errorf("got %q, want %q", c.got, c.want)
			}
		})
	}
}

func TestNumbersFlag(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text    string
		want    Numbers
		wantErr bool
	}{
		"one number":                   {"16", Numbers{16}, false},
		"several with a space":         {"1, 16,64", Numbers{1, 16, 64}, false},
		"0 is rejected":                {"1,0", nil, true},
		"a word is rejected":           {"many", nil, true},
		"an empty value is rejected":   {"", nil, true},
		"a trailing comma is rejected": {"1,", nil, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got Numbers
			if err := got.Set(c.text); (err != nil) != c.wantErr {
				t.Fatalf("got error %v, want one: %t", err, c.wantErr)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if n := (Numbers{1, 16}); n.String() != "1,16" {
		t.Errorf("the flag is written %q, want 1,16", n.String())
	}
}
