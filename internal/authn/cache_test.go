package authn

import "testing"

func TestKeyHasher_differentTextsHaveDifferentKeys(t *testing.T) {
	t.Parallel()
	s := newKeyHasher()
	byKey := map[string][]string{}
	for _, texts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"b", "a"}} {
		key := s.key(texts...)
		if other, ok := byKey[key]; ok {
			t.Errorf("%q and %q have one key", texts, other)
		}
		if again := s.key(texts...); again != key {
			t.Errorf("%q has two keys", texts)
		}
		byKey[key] = texts
	}
	other := newKeyHasher()
	if s.key("a") == other.key("a") {
		t.Error("the key does not depend on the hasher's secret")
	}
}
