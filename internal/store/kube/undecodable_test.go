package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/store/index"
	"github.com/taskrun-dev/taskrun-operator/internal/store/objecttest"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	badTime  = "2026-01-01t00:00:00z"
	badField = "status.conditions[0].lastTransitionTime"
)

// textOf returns the JSON of a version of an object, decodable or not.
func textOf(t *testing.T, name string, version int, sound bool, change ...func(*v1alpha1.TaskRun)) string {
	t.Helper()
	o := objecttest.Version(name, objectUID(name), version, change...)
	o.Status.Conditions = []metav1.Condition{{Type: "Odd", LastTransitionTime: metav1.Unix(0, 0)}}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	if sound {
		return string(text)
	}
	return strings.Replace(string(text), `"1970-01-01T00:00:00Z"`, `"`+badTime+`"`, 1)
}

func wantUndecodable(t *testing.T, err error) {
	t.Helper()
	u, ok := errors.AsType[*taskrun.UndecodableError](err)
	if !ok || errors.Is(err, taskrun.ErrNotFound) || errors.Is(err, taskrun.ErrUnavailable) {
		t.Errorf("error %v, want that the object cannot be decoded", err)
		return
	}
	if u.Kind != v1alpha1.KindTaskRun || u.Namespace != "default" || u.Field != badField || !strings.Contains(u.Reason, badTime) {
		t.Errorf("the error is %+v, want it to name the object and the field", u)
	}
}

func TestList_continuesAfterUndecodableItem(t *testing.T) {
	t.Parallel()
	tests := map[string][3]bool{
		"the first item": {false, true, true}, "one in the middle": {true, false, true}, "the last": {true, true, false},
		"all items": {}, "none": {true, true, true},
	}
	for name, sound := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var items []string
			var kept []string
			for i, name := range []string{"a", "b", "c"} {
				items = append(items, textOf(t, name, 5, sound[i]))
				if sound[i] {
					kept = append(kept, name)
				}
			}
			want := strings.Join(kept, "")
			ingest := NewIngest(nil, nil)
			added, store := 0, storeIn(ingest.index)
			list := `{"items": [ ` + strings.Join(items, " ,\n ") + ` ], "metadata": {}}`
			add := func(o runtime.Object) error {
				added++
				return store.Add(o)
			}
			if _, err := streamItems(strings.NewReader(list), add); err != nil {
				t.Fatal(err)
			}
			if got := known(ingest, "abc"); got != want || added != 3 {
				t.Errorf("the index has %q of %d objects, want %q of 3", got, added, want)
			}
			if n := ingest.index.Undecodables().Counts()[v1alpha1.KindTaskRun]; n != 3-len(want) {
				t.Errorf("%d objects are skipped, want %d", n, 3-len(want))
			}
		})
	}
}

// deliver adds the events of a watch to the index, and returns their objects.
func deliver(t *testing.T, ingest *Ingest, sent ...string) []metav1.Object {
	t.Helper()
	decoder := newEventDecoder(io.NopCloser(strings.NewReader(strings.Join(sent, "\n"))))
	runs := &runListerWatcher{store: storeIn(ingest.index)}
	var objects []metav1.Object
	for {
		kind, object, err := decoder.Decode()
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err == nil {
			_, err = runs.addEvent(watch.Event{Type: kind, Object: object})
		}
		if err != nil {
			t.Fatal(err)
		}
		o, err := meta.Accessor(object)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, o)
	}
}

func event(kind watch.EventType, object string) string {
	return `{"type":"` + string(kind) + `","object":` + object + `}`
}

func TestWatch_continuesAfterUndecodableObject(t *testing.T) {
	t.Parallel()
	const sound, broken = true, false
	added, modified, deleted := watch.Added, watch.Modified, watch.Deleted
	bookmark := event(watch.Bookmark, `{"kind":"TaskRun","metadata":{"resourceVersion":"9"}}`)
	tests := map[string]struct {
		events      []string
		want        string // objects in the index
		wantSkipped int
	}{
		"created undecodable":           {[]string{event(added, textOf(t, "a", 5, broken)), event(added, textOf(t, "b", 6, sound))}, "b", 1},
		"becomes undecodable":           {[]string{event(added, textOf(t, "a", 5, sound)), event(modified, textOf(t, "a", 6, broken)), bookmark}, "", 1},
		"repaired":                      {[]string{event(added, textOf(t, "a", 5, broken)), event(modified, textOf(t, "a", 6, sound))}, "a", 0},
		"becomes undecodable again":     {[]string{event(added, textOf(t, "a", 5, broken)), event(modified, textOf(t, "a", 6, sound)), event(modified, textOf(t, "a", 7, broken))}, "", 1},
		"deleted":                       {[]string{event(added, textOf(t, "a", 5, broken)), event(deleted, textOf(t, "a", 6, broken)), event(added, textOf(t, "b", 7, sound))}, "b", 0},
		"a decodable object is deleted": {[]string{event(added, textOf(t, "a", 5, sound)), event(deleted, textOf(t, "a", 6, broken))}, "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ingest := NewIngest(nil, nil)
			objects := deliver(t, ingest, test.events...)
			if len(objects) != len(test.events) {
				t.Errorf("%d frames were read of %d", len(objects), len(test.events))
			}
			if got, n := known(ingest, "ab"), ingest.index.Undecodables().Counts()[v1alpha1.KindTaskRun]; got != test.want || n != test.wantSkipped {
				t.Errorf("the index has %q and %d are skipped, want %q and %d", got, n, test.want, test.wantSkipped)
			}
			if last := objects[len(objects)-1]; last.GetResourceVersion() == "" {
				t.Error("the last frame has no resourceVersion to watch from")
			}
		})
	}
}

// An older decodable version does not replace an undecodable one, nor does an older
// undecodable version replace a decodable one.
func TestUndecodable_newestVersionDecides(t *testing.T) {
	t.Parallel()
	for order := range 2 {
		ingest := NewIngest(nil, nil)
		s := ingest.index.Namespace("default")
		broken := func(version int) {
			deliver(t, ingest, event(watch.Modified, textOf(t, "a", version, false)))
		}
		if order == 0 {
			broken(7)
			s.PutObject(objecttest.Version("a", objectUID("a"), 6))
			wantUndecodable(t, ingest.index.Undecodables().Run("default", string(objectUID("a"))))
			if known(ingest, "a") != "" {
				t.Error("an older version is shown")
			}
			continue
		}
		s.PutObject(objecttest.Version("a", objectUID("a"), 8))
		broken(7)
		if known(ingest, "a") != "a" || ingest.index.Undecodables().Counts()[v1alpha1.KindTaskRun] != 0 {
			t.Error("an older version made the run go")
		}
	}
}

// An undecodable object is not a deleted one: reads of it are errors, no run is
// created in its place, and it returns after a repair.
func TestUndecodableRun_isNotMissing(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]bool{"it was known before": true, "it was never known": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, time.Second, func(http.ResponseWriter, *http.Request) { t.Error("the API server was asked") })
			c.index = index.New(testingclock.NewFakePassiveClock(time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC)), nil)
			ingest := &Ingest{index: c.index, watches: c.watches}
			change := []func(*v1alpha1.TaskRun){objecttest.WithID(idA), objecttest.WithKey("k")}
			if before {
				deliver(t, ingest, event(watch.Added, textOf(t, "x", 5, true, change...)))
			}
			deliver(t, ingest, event(watch.Modified, textOf(t, "x", 6, false, change...)))
			s := c.Namespace("default")
			_, err := s.Get(t.Context(), idA)
			wantUndecodable(t, err)
			_, err = s.Find(t.Context(), taskrun.NaturalKey{TaskKey: "greet", DynamicKey: "k"})
			wantUndecodable(t, err)
			_, err = s.Create(t.Context(), &taskrun.Run{ID: idA})
			wantUndecodable(t, err)
			if _, deleted := s.DeletedAt(idA); deleted || s.Known(idA) != nil {
				t.Error("the run counts as deleted, or is still shown")
			}
			if err := errors.Join(c.complete(), c.current()); err != nil {
				t.Errorf("one object takes the program out of service: %v", err)
			}
			deliver(t, ingest, event(watch.Modified, textOf(t, "x", 7, true, change...)))
			if run, err := s.Get(t.Context(), idA); err != nil || run.Ref.ResourceVersion != "7" {
				t.Errorf("after its repair the run is %v, error %v", run, err)
			}
			deliver(t, ingest, event(watch.Modified, textOf(t, "x", 8, false, change...)), event(watch.Deleted, textOf(t, "x", 9, false, change...)))
			if _, deleted := s.DeletedAt(idA); !deleted || s.undecodable(idA) != nil {
				t.Error("the deletion was not noticed")
			}
		})
	}
}

// A name that is used again replaces the object that had it, decodable or not.
func TestUndecodable_nameThatIsUsedAgain(t *testing.T) {
	t.Parallel()
	another := func(o *v1alpha1.TaskRun) { o.UID = "another" }
	for _, sound := range []bool{true, false} {
		ingest := NewIngest(nil, nil)
		deliver(t, ingest, event(watch.Added, textOf(t, "x", 5, false)), event(watch.Added, textOf(t, "x", 6, sound, another)))
		u := ingest.index.Undecodables()
		first, second := u.Run("default", string(objectUID("x"))), u.Run("default", "another")
		if first != nil || (second == nil) != sound || (ingest.index.Namespace("default").ByUID("another") == nil) == sound {
			t.Errorf("sound %v: skipped are %v and %v", sound, first, second)
		}
		ingest.index.Namespace("default").PutObject(objecttest.Version("x", objectUID("x"), 4))
		if ingest.index.Namespace("default").ByUID(objectUID("x")) != nil {
			t.Error("the first object came back")
		}
	}
}

func TestUndecodable_isLoggedOncePerReason(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ingest := NewIngest(nil, slog.New(slog.NewTextHandler(&log, nil)))
	for version := 5; version < 8; version++ {
		deliver(t, ingest, event(watch.Modified, textOf(t, "a", version, false)))
	}
	if lines := log.String(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "taskRun=default/a") ||
		!strings.Contains(lines, badField) || !strings.Contains(lines, badTime) {
		t.Errorf("logged:\n%s", lines)
	}
	deliver(t, ingest, event(watch.Modified, strings.Replace(textOf(t, "a", 8, true), `"spec":{`, `"spec":{"tags":7,`, 1)))
	deliver(t, ingest, event(watch.Modified, textOf(t, "a", 9, true)))
	if lines := log.String(); strings.Count(lines, "\n") != 3 || !strings.Contains(lines, "field=spec.tags") || !strings.Contains(lines, "decoded again") {
		t.Errorf("logged:\n%s", lines)
	}
}

func TestUndecodable_errorNamesTheField(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind reflect.Type
		text string
		want string
	}{
		"nothing":                    {reflect.TypeFor[v1alpha1.TaskRun](), `{"spec":{"taskKey":"k","later":1}}`, ""},
		"a time":                     {reflect.TypeFor[v1alpha1.TaskRun](), `{"status":{"state":{"timestamp":"x"}}}`, "status.state.timestamp"},
		"in an inlined struct":       {reflect.TypeFor[v1alpha1.TaskRun](), `{"kind":1,"spec":{}}`, "kind"},
		"in a list":                  {reflect.TypeFor[v1alpha1.TaskRun](), `{"status":{"history":[{"id":"a"},{"id":7}]}}`, "status.history[1].id"},
		"in a map":                   {reflect.TypeFor[v1alpha1.TaskRun](), `{"spec":{"initialState":{"stateDetails":{"runInputKeyset":{"a":"x","b":1}}}}}`, "spec.initialState.stateDetails.runInputKeyset.b"},
		"a number that is too large": {reflect.TypeFor[v1alpha1.ConcurrencyLimit](), `{"spec":{"slots":3000000000}}`, "spec.slots"},
		"a fraction":                 {reflect.TypeFor[v1alpha1.TaskRun](), `{"status":{"runCount":1.5}}`, "status.runCount"},
		"a duration":                 {reflect.TypeFor[v1alpha1.TaskRun](), `{"status":{"totalRunTimeSeconds":7}}`, "status.totalRunTimeSeconds"},
		"a whole object":             {reflect.TypeFor[v1alpha1.TaskRun](), `{"status":[]}`, "status"},
		"a field of the metadata":    {reflect.TypeFor[v1alpha1.TaskRun](), `{"metadata":{"labels":{"a":1}}}`, "metadata.labels.a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			field, err := faultIn(part{kind: test.kind, text: json.RawMessage(test.text)})
			if field != test.want || (err == nil) != (test.want == "") {
				t.Errorf("faultIn() = %q, error %v, want %q", field, err, test.want)
			}
		})
	}
}

// ask sends a request through a transport that responds with this text.
func ask(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper, ctx context.Context, path, text string) (string, error) { //nolint:revive // t comes first
	t.Helper()
	next := roundTrip(func(*http.Request) (*http.Response, error) {
		header := http.Header{"Content-Type": {"application/json"}}
		return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(text))}, nil
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://api/apis/taskrun.dev/v1alpha1/namespaces/default/"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := wrap(next).RoundTrip(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	return string(body), errors.Join(err, response.Body.Close())
}

func TestTransport_responsesWithUndecodableObjects(t *testing.T) {
	t.Parallel()
	var skipped []string
	wrap := SkipUndecodable(func(err *taskrun.UndecodableError) { skipped = append(skipped, err.Name) })
	broken, sound := textOf(t, "a", 5, false), textOf(t, "b", 5, true)
	if text, err := ask(t, wrap, t.Context(), "taskruns/b", sound); err != nil || text != sound {
		t.Errorf("a sound object is %q, error %v", text, err)
	}
	_, err := ask(t, wrap, t.Context(), "taskruns/a", broken)
	wantUndecodable(t, translate("reading the run", err))
	list := `{"kind":"TaskRunList","metadata":{"continue":"x"},"items":[` + broken + `,` + sound + `]}`
	text, err := ask(t, wrap, t.Context(), "taskruns", list)
	var read v1alpha1.TaskRunList
	if err := errors.Join(err, json.Unmarshal([]byte(text), &read)); err != nil {
		t.Fatal(err)
	}
	if len(read.Items) != 1 || read.Items[0].Name != "b" || read.Continue != "x" || !slices.Equal(skipped, []string{"a"}) {
		t.Errorf("the list is %q, skipped were %v", text, skipped)
	}
}

// Undecodable limits stay in the informer's cache as placeholders and do not limit
// anything.
func TestUndecodableLimit_doesNotApply(t *testing.T) {
	t.Parallel()
	limit := func(name string, version, slots string) string {
		return `{"kind":"ConcurrencyLimit","apiVersion":"taskrun.dev/v1alpha1","metadata":{"namespace":"default","name":"` + name + `","uid":"` + name +
			`","resourceVersion":"` + version + `"},"spec":{"tag":"` + name + `","slots":` + slots + `}}`
	}
	ingest := NewIngest(nil, nil)
	informer := context.WithValue(t.Context(), informerKey{}, v1alpha1.KindConcurrencyLimit)
	text, err := ask(t, ingest.Transport, informer, "concurrencylimits",
		`{"kind":"ConcurrencyLimitList","items":[`+limit("a", "5", "3000000000")+`,`+limit("b", "5", "2")+`]}`)
	var list v1alpha1.ConcurrencyLimitList
	if err := errors.Join(err, json.Unmarshal([]byte(text), &list)); err != nil || len(list.Items) != 2 {
		t.Fatalf("%d items, error %v", len(list.Items), err)
	}
	limits := &limitIndex{namespaces: map[string]*namespaceLimits{}, undecodables: ingest.index.Undecodables(), synced: func() bool { return true }}
	take := func(o *v1alpha1.ConcurrencyLimit) {
		kept, err := ingest.Transform(o)
		if err != nil {
			t.Fatal(err)
		}
		limitHandler{limits}.OnAdd(kept, false)
	}
	for i := range list.Items {
		take(&list.Items[i])
	}
	store := &Limits{cluster: &Cluster{limits: limits}, namespace: "default"}
	wantLimits(t, store, "tag:b")
	for _, key := range []concurrency.Key{{Name: "tag:a"}, {ID: "a"}} {
		var undecodable *taskrun.UndecodableError
		if err := store.Undecodable(key); !errors.As(err, &undecodable) || undecodable.Field != "spec.slots" {
			t.Errorf("Undecodable(%v) = %v", key, err)
		}
	}
	if err := store.Undecodable(concurrency.Key{Name: "tag:b"}); err != nil {
		t.Errorf("a limit that is sound: %v", err)
	}
	watched, err := ask(t, ingest.Transport, informer, "concurrencylimits?watch=true",
		event(watch.Modified, limit("a", "6", "1"))+event(watch.Modified, limit("b", "7", `"x"`))+event(watch.Deleted, limit("b", "8", `"x"`)))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(watched))
	for decoder.More() {
		var next struct {
			Type   watch.EventType
			Object v1alpha1.ConcurrencyLimit
		}
		if err := decoder.Decode(&next); err != nil {
			t.Fatal(err)
		}
		if next.Type == watch.Deleted {
			limitHandler{limits}.OnDelete(&next.Object)
			continue
		}
		take(&next.Object)
	}
	wantLimits(t, store, "tag:a")
	if n := ingest.index.Undecodables().Counts()[v1alpha1.KindConcurrencyLimit]; n != 0 {
		t.Errorf("%d are skipped at the end", n)
	}
}

func wantLimits(t *testing.T, store *Limits, want ...string) {
	t.Helper()
	limits, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range limits {
		names = append(names, l.Name)
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

// Users choose the names of managers, but not their operations.
func TestPlaceholder_cannotBeCreatedByUsers(t *testing.T) {
	t.Parallel()
	for _, operation := range []metav1.ManagedFieldsOperationType{metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate} {
		o := objecttest.Version("x", "u", 5)
		o.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "Undecodable", Operation: operation}}
		o.Annotations = map[string]string{recordKey: "{}"}
		if IsUndecodable(o) || undecodableOf(o) != nil {
			t.Errorf("an object of operation %s is a placeholder", operation)
		}
	}
}

func TestReads_areStaleWhenWatchesFailForLong(t *testing.T) {
	t.Parallel()
	now := testingclock.NewFakeClock(time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC))
	health := newWatchHealth(now)
	var fails error
	w := &watched{kind: v1alpha1.KindTaskRun, health: health, ListerWatcherWithContext: toolscache.ToListerWatcherWithContext(&toolscache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			return &v1alpha1.TaskRunList{}, fails
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return watch.NewFake(), fails },
	})}
	list := func() { _, _ = w.ListWithContext(t.Context(), metav1.ListOptions{}) }
	open := func() { _, _ = w.WatchWithContext(t.Context(), metav1.ListOptions{}) }
	steps := []struct {
		name  string
		do    func()
		stale bool
	}{
		{"all is well", func() { list(); open() }, false},
		{"a list fails", func() { fails = errCut; list() }, false},
		{"within the time", func() { now.Step(maxOutage); list() }, false},
		{"for too long", func() { now.Step(time.Millisecond) }, true},
		{"a list is not enough", func() { fails = nil; list() }, true},
		{"with a watch", open, false},
		{"a watch fails", func() { fails = errCut; open(); now.Step(2 * maxOutage) }, true},
		{"it is back", func() { fails = nil; open() }, false},
	}
	for _, step := range steps {
		step.do()
		err := health.stale()
		if (err != nil) != step.stale || (err != nil && (!errors.Is(err, taskrun.ErrUnavailable) || !errors.Is(err, errCut))) {
			t.Errorf("%s: error %v, want stale: %v", step.name, err, step.stale)
		}
	}
}
