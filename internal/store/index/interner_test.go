package index

import (
	"fmt"
	"strconv"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taskrun-dev/taskrun-operator/internal/store/convert"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/store/storetest"
)

// The run in the index has the values of its object, regardless of earlier objects
// and versions in the index.
func TestCompact_keepsTheValuesOfARun(t *testing.T) {
	t.Parallel()
	m := storetest.NewRandom(6, 28)
	s := New(nil, nil).Namespace("default")
	for version := range 2000 {
		run := m.Run()
		m.Progress(run)
		o := convert.ObjectFromRun(run, "default")
		o.Name = fmt.Sprint("x", m.IntN(40))
		o.UID, o.ResourceVersion = types.UID(o.Name), strconv.Itoa(version+1)
		if m.Flag() {
			o.Status = convert.StatusFromRun(run)
		}
		want := convert.RunFromObject(o.DeepCopy())
		if diff := cmp.Diff(want, s.PutObject(o)); diff != "" {
			t.Fatalf("version %d (-want +got):\n%s", version, diff)
		}
	}
}

// Lookup tables keep the texts that they got first, so later versions must share
// them. Otherwise the texts of all versions stay in memory.
func TestCompact_versionsShareTheirTexts(t *testing.T) {
	t.Parallel()
	s := New(nil, nil).Namespace("default")
	o := objecttest.NewFleet().Object(t, 3)
	before := s.PutObject(objecttest.Copy(t, o))
	next := objecttest.Copy(t, o)
	next.ResourceVersion = "99999"
	after := s.PutObject(next)
	same := func(a, b string) bool { return unsafe.StringData(a) == unsafe.StringData(b) }
	if before == after || !same(before.ID, after.ID) || !same(before.State.ID, after.State.ID) ||
		!same(before.Ref.UID, after.Ref.UID) || !same(before.FlowRunID, after.FlowRunID) {
		t.Error("a version has texts of its own that it shares with the one before it")
	}
}

func TestInterner_isBounded(t *testing.T) {
	t.Parallel()
	var g generations[string]
	first := g.shared([]byte("first"), "first")
	for i := range 5 * minInterned {
		text := strconv.Itoa(i)
		g.shared([]byte(text), text)
		if i%1000 == 0 && unsafe.StringData(g.shared([]byte("first"), string([]byte("first")))) != unsafe.StringData(first) {
			t.Fatalf("what is in use is forgotten after %d others", i)
		}
	}
	if n := len(g.recent) + len(g.earlier); n > 2*minInterned {
		t.Errorf("%d values are minTombstones, want at most %d", n, 2*minInterned)
	}
	long := make([]byte, maxInternedKey+1)
	g.shared(long, "long")
	if got := g.shared(long, "other"); got != "other" {
		t.Errorf("a long value is minTombstones: %q", got)
	}
}
