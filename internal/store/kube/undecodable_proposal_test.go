package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/watch"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// proposalText returns a StateProposal with this text as observedGeneration.
func proposalText(name string, version int, generation string) string {
	return fmt.Sprintf(`{"kind":"StateProposal","apiVersion":"taskrun.dev/v1alpha1",`+
		`"metadata":{"namespace":"default","name":%q,"uid":%q,"resourceVersion":"%d","managedFields":[{"operation":"Update"}]},`+
		`"spec":{"targetRef":{"kind":"TaskRun","name":"a"},"state":{"type":"CANCELLED"}},"status":{"observedGeneration":%s}}`,
		name, "uid of "+name, version, generation)
}

// tooLarge is a valid integer in the schema of an older CRD, but not in Go.
const tooLarge = "99999999999999999999"

// An undecodable StateProposal does not end the list or watch of the others. It is
// logged once and counted until it is repaired or deleted.
func TestUndecodableProposal_isSkipped(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ingest := NewIngest(nil, slog.New(slog.NewTextHandler(&log, nil)))
	skipped := ingest.index.Undecodables()
	informer := context.WithValue(t.Context(), informerKey{}, v1alpha1.KindStateProposal)
	handler := proposalHandler{skipped}
	take := func(o *v1alpha1.StateProposal) *v1alpha1.StateProposal {
		t.Helper()
		kept, err := ingest.Transform(o)
		if err != nil {
			t.Fatal(err)
		}
		handler.OnAdd(kept, false)
		return kept.(*v1alpha1.StateProposal) //nolint:errcheck,forcetypeassert // Transform returns the same type
	}
	want := func(step string, count int) {
		t.Helper()
		if n := skipped.Counts()["StateProposal"]; n != count {
			t.Errorf("%s: %d are skipped, want %d", step, n, count)
		}
	}
	text, err := ask(t, ingest.Transport, informer, "stateproposals", `{"kind":"StateProposalList","items":[`+
		proposalText("a", 5, tooLarge)+`,`+proposalText("b", 5, "1.0000000001")+`,`+proposalText("c", 5, "1")+`]}`)
	var list v1alpha1.StateProposalList
	if err := errors.Join(err, json.Unmarshal([]byte(text), &list)); err != nil || len(list.Items) != 3 {
		t.Fatalf("%d items, error %v", len(list.Items), err)
	}
	for i := range list.Items {
		kept := take(&list.Items[i])
		broken := i == 0
		if IsUndecodable(kept) != broken || (!broken && (kept.Status.ObservedGeneration != 1 || kept.ManagedFields != nil)) {
			t.Errorf("the cache has %+v", kept)
		}
	}
	want("after the list", 1)
	frames := func(events ...string) {
		t.Helper()
		watched, err := ask(t, ingest.Transport, informer, "stateproposals?watch=true", strings.Join(events, ""))
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(strings.NewReader(watched))
		for decoder.More() {
			var next struct {
				Type   watch.EventType
				Object v1alpha1.StateProposal
			}
			if err := decoder.Decode(&next); err != nil {
				t.Fatal(err)
			}
			if next.Type == watch.Deleted {
				handler.OnDelete(&next.Object)
				continue
			}
			take(&next.Object)
		}
	}
	frames(event(watch.Modified, proposalText("a", 6, tooLarge)), event(watch.Added, proposalText("d", 7, `"x"`)), event(watch.Modified, proposalText("c", 8, "2.0000000001")))
	want("after the watch", 2)
	frames(event(watch.Modified, proposalText("a", 9, "3")), event(watch.Deleted, proposalText("d", 10, `"x"`)))
	want("after a repair and a deletion", 0)
	lines := log.String()
	if strings.Count(lines, "\n") != 3 || strings.Count(lines, "stateProposal=default/a field=status.observedGeneration") != 1 {
		t.Errorf("logged:\n%s", lines)
	}
	renamed := &v1alpha1.StateProposal{}
	take(proposalPlaceholder(t, "a", 11))
	renamed.UID, renamed.Namespace, renamed.Name, renamed.ResourceVersion = "another", "default", "a", "12"
	handler.OnUpdate(proposalPlaceholder(t, "a", 11), renamed)
	want("after the name was used again", 0)
}

func proposalPlaceholder(t *testing.T, name string, version int) *v1alpha1.StateProposal {
	t.Helper()
	placeholder, err := placeholderOf(v1alpha1.KindStateProposal, []byte(proposalText(name, version, tooLarge)), errors.New("too large"))
	if err != nil {
		t.Fatal(err)
	}
	return placeholder.(*v1alpha1.StateProposal) //nolint:errcheck,forcetypeassert // placeholderOf returns this kind
}

// The plugin reads all kinds through the same transport.
func TestSkipUndecodable_allKinds(t *testing.T) {
	t.Parallel()
	for _, kind := range v1alpha1.Kinds() {
		if kind == v1alpha1.KindRunData {
			continue // has no status, and no number
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			object := func(name, generation string) string {
				return strings.Replace(strings.ReplaceAll(proposalText(name, 5, generation), "StateProposal", kind), `"spec":{"targetRef":{"kind":"TaskRun","name":"a"},"state":{"type":"CANCELLED"}}`, `"spec":{}`, 1)
			}
			var skipped []string
			wrap := SkipUndecodable(func(err *taskrun.UndecodableError) { skipped = append(skipped, err.Kind+" "+err.Name+" "+err.Field) })
			text, err := ask(t, wrap, t.Context(), "objects", `{"kind":"`+kind+`List","items":[`+object("a", tooLarge)+`,`+object("b", "1.0000000001")+`]}`)
			if err != nil || !strings.Contains(text, `"name":"b"`) || strings.Contains(text, `"name":"a"`) || strings.Contains(text, ".0000000001") {
				t.Errorf("the list is %q, error %v", text, err)
			}
			if !slices.Equal(skipped, []string{kind + " a status.observedGeneration"}) {
				t.Errorf("skipped were %q", skipped)
			}
			var undecodable *taskrun.UndecodableError
			if _, err := ask(t, wrap, t.Context(), "objects/a", object("a", tooLarge)); !errors.As(err, &undecodable) {
				t.Errorf("reading it: error %v", err)
			}
		})
	}
}
