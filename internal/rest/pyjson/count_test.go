package pyjson

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestCountValues_limitsTheParsedValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		``: 1, `null`: 1, `"a,[{"`: 1, `"\"[,"`: 1, `"\\"`: 1, `[1]`: 2, `[1,2,3]`: 4, `{"a":[1,{"b":2}],"c":"[,"}`: 6, `[]`: 2, `[[],{}]`: 5,
	} {
		if got := CountValues([]byte(text)); got != want {
			t.Errorf("CountValues(%s) = %d, want %d", text, got, want)
		}
	}
}

func valuesIn(v Value) int {
	n := 1
	for _, item := range v.Items() {
		n += valuesIn(item)
	}
	for _, m := range v.Members() {
		n += valuesIn(m.Value)
	}
	return n
}

func FuzzCountValues(f *testing.F) {
	for _, text := range []string{`{"a":[1,"x",{}],"b":"\",[{"}`, "\ufeff[1]", `[[[]]]`, `{"a":1,"a":2}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, fault := Parse(text)
		if fault != nil {
			return
		}
		if got, most := valuesIn(v), CountValues(text); got > most {
			t.Errorf("%q has %d values, and %d were counted", text, got, most)
		}
	})
}

// TestMemoryOfValues parses texts that consist of the kinds of values that use
// the most memory. It is not parallel, because it measures the heap.
func TestMemoryOfValues(t *testing.T) {
	const n = 50_000
	many := func(item func(i int) string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(item(i))
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"numbers":             "[" + many(func(int) string { return "0" }) + "]",
		"short texts":         "[" + many(func(int) string { return `"a"` }) + "]",
		"empty arrays":        "[" + many(func(int) string { return "[]" }) + "]",
		"arrays of one":       "[" + many(func(int) string { return "[0]" }) + "]",
		"objects of one":      "[" + many(func(int) string { return `{"":0}` }) + "]",
		"an object":           "{" + many(func(i int) string { return fmt.Sprintf(`"%x":0`, i) }) + "}",
		"objects of nine":     "[" + many(func(int) string { return `{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0}` }) + "]",
		"large whole numbers": "[" + many(func(int) string { return "1e300" }) + "]",
	} {
		body := []byte(text)
		before := heap()
		v, fault := Parse(body)
		took := heap() - before
		if fault != nil {
			t.Fatalf("%s: %v", name, fault)
		}
		runtime.KeepAlive(v)
		runtime.KeepAlive(body)
		values := CountValues(body)
		t.Logf("%s: %d bytes a value", name, took/int64(values))
		if most := int64(values)*BytesPerValue + 2*int64(len(body)); took > most {
			t.Errorf("%s: %d bytes for %d values, want %d at most", name, took, values, most)
		}
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
