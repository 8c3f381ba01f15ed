package prefect

import (
	"bytes"
	"testing"
)

func TestTail_keepsTheEnd(t *testing.T) {
	t.Parallel()
	if got := Tail([]byte("1\n2\n3\n4\n5\n6\n7\n")); got != "3\n4\n5\n6\n7" {
		t.Errorf("got %q", got)
	}
}

func TestVersions_haveAVersionOfPrefect(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]Version{"newest": Newest, "older": Older} {
		if !bytes.Contains(version, []byte("\nprefect==3.")) {
			t.Errorf("%s: no line pins prefect", name)
		}
	}
}
