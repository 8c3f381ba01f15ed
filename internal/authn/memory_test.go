package authn

import "testing"

func TestSealsDifferWhereTextsDo(t *testing.T) {
	t.Parallel()
	s := newSealer()
	seals := map[string][]string{}
	for _, texts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"b", "a"}} {
		seal := s.seal(texts...)
		if other, ok := seals[seal]; ok {
			t.Errorf("%q and %q have one seal", texts, other)
		}
		if again := s.seal(texts...); again != seal {
			t.Errorf("%q has two seals", texts)
		}
		seals[seal] = texts
	}
	other := newSealer()
	if s.seal("a") == other.seal("a") {
		t.Error("the seal does not depend on the sealer's secret")
	}
}
