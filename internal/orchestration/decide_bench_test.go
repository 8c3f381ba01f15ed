package orchestration

import "testing"

// The decisions of a life cycle: what one evaluation costs is paid at each of its writes.
func BenchmarkDecide(b *testing.B) {
	for _, pair := range [][2]StateType{{Pending, Running}, {Running, Completed}, {Running, Failed}} {
		f := transitionFacts(pair[0], pair[1])
		b.Run(string(pair[0])+" to "+string(pair[1]), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Decide(f)
			}
		})
	}
}
