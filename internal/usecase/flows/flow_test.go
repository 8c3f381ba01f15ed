package flows_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

func TestCreateFlow_secondCallReturnsFirstFlow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in := flowrun.NewFlow{Name: "load", Tags: []string{"a"}, Labels: map[string]json.RawMessage{"x": json.RawMessage("1")}}
	first, created, err := f.CreateFlow(t.Context(), in)
	if err != nil || !created {
		t.Fatalf("CreateFlow() = created %t, error %v, want a new flow", created, err)
	}
	f.clock.Step(time.Minute)
	in.Tags, in.Labels = []string{"b"}, nil
	second, created, err := f.CreateFlow(t.Context(), in)
	if err != nil || created {
		t.Fatalf("second CreateFlow() = created %t, error %v, want the first flow", created, err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second call returns (-first +second):\n%s", diff)
	}
	named, err := f.FlowNamed(t.Context(), "load")
	if err != nil || named.ID != first.ID || !named.Created.Equal(start) || !named.Updated.Equal(start) {
		t.Errorf("FlowNamed() = %+v, error %v, want the flow of %s", named, err, start)
	}
}

func TestCreateFlow_equalCallsOfTwoServicesAreOneFlow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.second()
	var all sync.WaitGroup
	ids, news := make([]string, 50), make([]bool, 50)
	for i := range ids {
		service := f.Service
		if i%2 == 1 {
			service = other
		}
		all.Go(func() {
			flow, created, err := service.CreateFlow(t.Context(), flowrun.NewFlow{Name: "once"})
			if err != nil {
				t.Errorf("CreateFlow(): %v", err)
				return
			}
			ids[i], news[i] = flow.ID, created
		})
	}
	all.Wait()
	made := 0
	for i := range ids {
		if ids[i] != ids[0] {
			t.Errorf("flow %s, others got %s", ids[i], ids[0])
		}
		if news[i] {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d calls created the flow, want 1", made)
	}
}

func TestCreateFlow_keepsNullLabelsInResponse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	flow, _, err := f.CreateFlow(t.Context(), flowrun.NewFlow{Name: "none"})
	if err != nil || flow.Labels != nil {
		t.Errorf("labels %v, error %v, want null", flow.Labels, err)
	}
}

func TestCreateFlow_rejectsLongNameAndTruncatesTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, _, err := f.CreateFlow(t.Context(), flowrun.NewFlow{Name: strings.Repeat("n", flowrun.MaxFlowName+1)})
	if invalid, ok := errors.AsType[*taskrun.InvalidError](err); !ok || invalid.Field != "name" {
		t.Errorf("error %v, want an InvalidError on name", err)
	}
	flow, _, err := f.CreateFlow(t.Context(), flowrun.NewFlow{Name: strings.Repeat("n", flowrun.MaxFlowName), Tags: []string{strings.Repeat("t", 300)}})
	if err != nil || !strings.HasSuffix(flow.Tags[0], "… [cut, 300 characters in all]") {
		t.Errorf("tags %v, error %v, want a truncated one", flow, err)
	}
}

func TestSetFlowTags_replacesTagsAndTouches(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.clock.Step(time.Second)
	if err := f.SetFlowTags(t.Context(), f.flow.ID, []string{"a", "a"}); err != nil {
		t.Fatal(err)
	}
	flow, err := f.Flow(t.Context(), f.flow.ID)
	if err != nil || !cmp.Equal(flow.Tags, []string{"a", "a"}) || !flow.Updated.Equal(start.Add(time.Second)) {
		t.Errorf("flow %+v, error %v, want the tags, updated after a second", flow, err)
	}
	f.clock.Step(time.Second)
	if err = f.TouchFlow(t.Context(), f.flow.ID); err != nil {
		t.Fatal(err)
	}
	flow, err = f.Flow(t.Context(), f.flow.ID)
	if err != nil || !cmp.Equal(flow.Tags, []string{"a", "a"}) || !flow.Updated.Equal(start.Add(2*time.Second)) {
		t.Errorf("flow %+v, error %v, want the same tags, updated after two seconds", flow, err)
	}
	for name, err := range map[string]error{
		"SetFlowTags": f.SetFlowTags(t.Context(), unknownID, nil), "TouchFlow": f.TouchFlow(t.Context(), unknownID),
		"DeleteFlow": f.DeleteFlow(t.Context(), unknownID),
	} {
		if !errors.Is(err, taskrun.ErrNotFound) {
			t.Errorf("%s of an unknown flow: error %v, want ErrNotFound", name, err)
		}
	}
}
