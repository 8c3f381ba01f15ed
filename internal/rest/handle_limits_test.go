package rest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/concurrency"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// call is one call of a use case.
type call struct {
	Name string
	Args []any
}

// askedLimits returns one limit or an error, and records the calls.
type askedLimits struct {
	err     error
	created bool
	name    string // of the limit
	calls   []call
}

func (a *askedLimits) asked(name string, args ...any) error {
	a.calls = append(a.calls, call{name, args})
	return a.err
}

func (a *askedLimits) limit() *concurrency.View {
	return &concurrency.View{
		ID: idKnown, Name: a.name, Created: noon, Updated: noon.Add(1500 * time.Millisecond), Active: true,
		Limit: 3, ActiveSlots: 2, DeniedSlots: 1, SlotDecayPerSecond: 0.5, AvgSlotOccupancySeconds: 2, RunIDs: []string{idOther},
	}
}

func (a *askedLimits) Create(_ context.Context, in concurrency.NewLimit) (*concurrency.View, error) {
	return a.limit(), a.asked("Create", in)
}

func (a *askedLimits) Put(_ context.Context, name string, slots int) (*concurrency.View, bool, error) {
	return a.limit(), a.created, a.asked("Put", name, slots)
}

func (a *askedLimits) Get(_ context.Context, key concurrency.Key) (*concurrency.View, error) {
	return a.limit(), a.asked("Get", key)
}

func (a *askedLimits) List(_ context.Context, prefix string, offset, most int) ([]*concurrency.View, error) {
	return []*concurrency.View{a.limit(), a.limit()}, a.asked("List", prefix, offset, most)
}

func (a *askedLimits) Update(_ context.Context, key concurrency.Key, change concurrency.Change) error {
	return a.asked("Update", key, change)
}

func (a *askedLimits) Delete(_ context.Context, key concurrency.Key) error {
	return a.asked("Delete", key)
}

func (a *askedLimits) Reset(_ context.Context, name string, runIDs []string) error {
	return a.asked("Reset", name, runIDs)
}

func (a *askedLimits) Acquire(_ context.Context, in concurrency.Acquisition) (string, []*concurrency.View, error) {
	return idOther, []*concurrency.View{a.limit()}, a.asked("Acquire", in)
}

func (a *askedLimits) Release(_ context.Context, in concurrency.Released) ([]*concurrency.View, error) {
	return []*concurrency.View{a.limit()}, a.asked("Release", in)
}

func (a *askedLimits) Renew(_ context.Context, leaseID string, life time.Duration) error {
	return a.asked("Renew", leaseID, life)
}

func (a *askedLimits) ReleaseLease(_ context.Context, leaseID string) error {
	return a.asked("ReleaseLease", leaseID)
}

func (a *askedLimits) AcquireForRun(_ context.Context, tags []string, runID string) ([]*concurrency.View, error) {
	return []*concurrency.View{a.limit()}, a.asked("AcquireForRun", tags, runID)
}

func (a *askedLimits) ReleaseForRun(_ context.Context, tags []string, runID string) ([]*concurrency.View, error) {
	return []*concurrency.View{a.limit()}, a.asked("ReleaseForRun", tags, runID)
}

// withLimits serves the routes of limits.
func withLimits(limits *askedLimits) change {
	return func(_ *Options, d *Dependencies) { d.Limits = limits }
}

// The response with a limit.
const (
	limitBegin = `{"id":"` + idKnown + `","created":"2026-08-21T12:00:00Z","updated":"2026-08-21T12:00:01.500000Z",`
	limitRead  = limitBegin + `"active":true,"name":"tag:db","limit":3,"active_slots":2,"slot_decay_per_second":0.5}`
	limitMade  = limitBegin + `"active":true,"name":"tag:db","limit":3,"active_slots":2,"denied_slots":1,` +
		`"slot_decay_per_second":0.5,"avg_slot_occupancy_seconds":2.0}`
	limitOfTag = limitBegin + `"tag":"db","concurrency_limit":3,"active_slots":["` + idOther + `"]}`
	limitNamed = `{"id":"` + idKnown + `","name":"tag:db","limit":3}`
	tagNamed   = `{"id":"` + idKnown + `","name":"db","limit":3}`
)

const (
	oldBase = "/concurrency_limits"
	newBase = "/v2/concurrency_limits"
)

func TestLimits_routesCallTheUseCases(t *testing.T) {
	t.Parallel()
	ofDB := []any{concurrency.Key{Name: "tag:db"}}
	cases := map[string]struct {
		method, path, body string
		created            bool
		wantStatus         int
		wantBody           string
		want               call
	}{
		"creating a limit": {
			method: "POST", path: newBase + "/", body: `{"name":"tag:db","limit":"3"}`, wantStatus: 201, wantBody: limitMade,
			want: call{"Create", []any{concurrency.NewLimit{Name: "tag:db", Active: true, Limit: 3}}},
		},
		"creating a limit with all fields": {
			method: "POST", path: newBase + "/", wantStatus: 201, wantBody: limitMade,
			body: `{"name":"x","limit":3,"active":false,"active_slots":2,"denied_slots":1,"slot_decay_per_second":0.5}`,
			want: call{"Create", []any{concurrency.NewLimit{Name: "x", Limit: 3, ActiveSlots: 2, DeniedSlots: 1, SlotDecayPerSecond: 0.5}}},
		},
		"reading a limit by name": {method: "GET", path: newBase + "/tag:db", wantStatus: 200, wantBody: limitRead, want: call{"Get", ofDB}},
		"reading a limit by id": {
			method: "GET", path: newBase + "/" + idKnown, wantStatus: 200, wantBody: limitRead, want: call{"Get", []any{concurrency.Key{ID: idKnown}}},
		},
		"listing all limits": {
			method: "POST", path: newBase + "/filter", wantStatus: 200, wantBody: "[" + limitRead + "," + limitRead + "]",
			want: call{"List", []any{"", 0, 200}},
		},
		"listing a page": {
			method: "POST", path: newBase + "/filter", body: `{"limit":2,"offset":5}`, wantStatus: 200,
			wantBody: "[" + limitRead + "," + limitRead + "]", want: call{"List", []any{"", 5, 2}},
		},
		"changing": {
			method: "PATCH", path: newBase + "/tag:db", body: `{"limit":0,"active":false}`, wantStatus: 204,
			want: call{"Update", []any{ofDB[0], concurrency.Change{Limit: new(0), Active: new(false)}}},
		},
		"an empty change": {
			method: "PATCH", path: newBase + "/tag:db", body: `{}`, wantStatus: 204, want: call{"Update", []any{ofDB[0], concurrency.Change{}}},
		},
		"a change to null": {
			method: "PATCH", path: newBase + "/tag:db", body: `{"limit":null}`, wantStatus: 409,
			wantBody: `{"detail":"` + textTaken + `"}`, want: call{"Get", ofDB},
		},
		"deleting": {method: "DELETE", path: newBase + "/tag:db", wantStatus: 204, want: call{"Delete", ofDB}},
		"acquiring slots": {
			method: "POST", path: newBase + "/increment", body: `{"slots":2,"names":["a","b"],"mode":"rate_limit"}`, wantStatus: 200,
			wantBody: "[" + limitNamed + "]", want: call{"Acquire", []any{concurrency.Acquisition{Names: []string{"a", "b"}, Slots: 2, RateLimit: true}}},
		},
		"acquiring slots with a lease": {
			method: "POST", path: newBase + "/increment-with-lease", wantStatus: 200,
			body:     `{"slots":1,"names":[],"lease_duration":60.5,"holder":{"type":"task_run","id":"` + idOther + `"}}`,
			wantBody: `{"lease_id":"` + idOther + `","limits":[` + limitNamed + `]}`,
			want: call{"Acquire", []any{concurrency.Acquisition{
				Names: []string{}, Slots: 1, Lease: 60500 * time.Millisecond, Holder: &concurrency.Holder{Kind: "task_run", ID: idOther},
			}}},
		},
		"a lease of five minutes by default": {
			method: "POST", path: newBase + "/increment-with-lease", body: `{"slots":1,"names":["a"],"holder":null}`, wantStatus: 200,
			wantBody: `{"lease_id":"` + idOther + `","limits":[` + limitNamed + `]}`,
			want:     call{"Acquire", []any{concurrency.Acquisition{Names: []string{"a"}, Slots: 1, Lease: 5 * time.Minute}}},
		},
		"releasing slots": {
			method: "POST", path: newBase + "/decrement", body: `{"slots":2,"names":["a"],"occupancy_seconds":1.5}`, wantStatus: 200,
			wantBody: "[" + limitNamed + "]",
			want:     call{"Release", []any{concurrency.Released{Names: []string{"a"}, Slots: 2, Occupancy: new(1500 * time.Millisecond)}}},
		},
		"releasing slots with a very long occupancy": {
			method: "POST", path: newBase + "/decrement", body: `{"slots":2,"names":["a"],"occupancy_seconds":1e300}`, wantStatus: 200,
			wantBody: "[" + limitNamed + "]",
			want:     call{"Release", []any{concurrency.Released{Names: []string{"a"}, Slots: 2, Occupancy: new(time.Duration(1<<63 - 1))}}},
		},
		"releasing a lease": {
			method: "POST", path: newBase + "/decrement-with-lease", body: `{"lease_id":"` + idOther + `"}`, wantStatus: 204,
			want: call{"ReleaseLease", []any{idOther}},
		},
		"renewing a lease": {
			method: "POST", path: newBase + "/leases/" + idOther + "/renew", body: `{"lease_duration":60}`, wantStatus: 204,
			want: call{"Renew", []any{idOther, time.Minute}},
		},
		"renewing a lease for the default time": {
			method: "POST", path: newBase + "/leases/" + idOther + "/renew", wantStatus: 204,
			want: call{"Renew", []any{idOther, 5 * time.Minute}},
		},
		"creating the limit of a tag": {
			method: "POST", path: oldBase + "/", body: `{"tag":"db","concurrency_limit":3}`, created: true, wantStatus: 201,
			wantBody: limitOfTag, want: call{"Put", []any{"tag:db", 3}},
		},
		"creating the limit of a tag again": {
			method: "POST", path: oldBase + "/", body: `{"tag":"db","concurrency_limit":3}`, wantStatus: 200,
			wantBody: limitOfTag, want: call{"Put", []any{"tag:db", 3}},
		},
		"reading the limit of a tag": {
			method: "GET", path: oldBase + "/tag/db", wantStatus: 200, wantBody: limitOfTag, want: call{"Get", ofDB},
		},
		"reading the limit of a tag by id": {
			method: "GET", path: oldBase + "/" + idKnown, wantStatus: 200, wantBody: limitOfTag, want: call{"Get", []any{concurrency.Key{ID: idKnown}}},
		},
		"listing the limits of tags": {
			method: "POST", path: oldBase + "/filter", wantStatus: 200, wantBody: "[" + limitOfTag + "," + limitOfTag + "]",
			want: call{"List", []any{"tag:", 0, 200}},
		},
		"resetting the limit of a tag": {
			method: "POST", path: oldBase + "/tag/db/reset", wantStatus: 200, wantBody: "null",
			want: call{"Reset", []any{"tag:db", []string(nil)}},
		},
		"resetting the limit of a tag to some runs": {
			method: "POST", path: oldBase + "/tag/db/reset", body: `{"slot_override":["` + idOther + `"]}`, wantStatus: 200, wantBody: "null",
			want: call{"Reset", []any{"tag:db", []string{idOther}}},
		},
		"deleting the limit of a tag": {
			method: "DELETE", path: oldBase + "/tag/db", wantStatus: 200, wantBody: "null", want: call{"Delete", ofDB},
		},
		"deleting the limit of a tag by id": {
			method: "DELETE", path: oldBase + "/" + idKnown, wantStatus: 200, wantBody: "null",
			want: call{"Delete", []any{concurrency.Key{ID: idKnown}}},
		},
		"acquiring slots of tags": {
			method: "POST", path: oldBase + "/increment", body: `{"names":["db"],"task_run_id":"` + idOther + `"}`, wantStatus: 200,
			wantBody: "[" + tagNamed + "]", want: call{"AcquireForRun", []any{[]string{"db"}, idOther}},
		},
		"releasing slots of tags": {
			method: "POST", path: oldBase + "/decrement", wantStatus: 200, wantBody: "[" + limitNamed + "]",
			body: `{"names":["db"],"task_run_id":"` + idOther + `","occupancy_seconds":1.5}`,
			want: call{"ReleaseForRun", []any{[]string{"db"}, idOther}},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := &askedLimits{name: "tag:db", created: tc.created}
			got := newFixture(t, withLimits(limits)).must(t, tc.wantStatus, tc.method, tc.path, tc.body)
			if got != tc.wantBody {
				t.Errorf("body = %s, want %s", got, tc.wantBody)
			}
			if diff := cmp.Diff([]call{tc.want}, limits.calls); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLimits_errorResponses(t *testing.T) {
	t.Parallel()
	const slots = `{"slots":1,"names":["a"]}`
	run := `{"names":["db"],"task_run_id":"` + idOther + `"}`
	lockedFor := &concurrency.LockedError{RetryAfter: 2500 * time.Millisecond}
	cases := map[string]struct {
		method, path, body string
		err                error
		wantStatus         int
		wantBody           string
		wantRetry          string
	}{
		"an unknown limit":                      {"GET", newBase + "/x", "", taskrun.ErrNotFound, 404, `{"detail":"Concurrency Limit not found"}`, ""},
		"changing an unknown limit":             {"PATCH", newBase + "/x", "{}", taskrun.ErrNotFound, 404, `{"detail":"Concurrency Limit not found"}`, ""},
		"changing an unknown limit with a null": {"PATCH", newBase + "/x", `{"name":null}`, taskrun.ErrNotFound, 404, `{"detail":"Concurrency Limit not found"}`, ""},
		"deleting an unknown limit":             {"DELETE", newBase + "/x", "", taskrun.ErrNotFound, 404, `{"detail":"Concurrency Limit not found"}`, ""},
		"the limit of an unknown tag":           {"GET", oldBase + "/tag/x", "", taskrun.ErrNotFound, 404, `{"detail":"Concurrency limit not found"}`, ""},
		"an id that does not exist":             {"GET", oldBase + "/" + idOther, "", taskrun.ErrNotFound, 404, `{"detail":"Concurrency limit not found"}`, ""},
		"resetting an unknown tag":              {"POST", oldBase + "/tag/x/reset", "", taskrun.ErrNotFound, 404, `{"detail":"Concurrency limit not found"}`, ""},
		"deleting an unknown tag's limit":       {"DELETE", oldBase + "/tag/x", "", taskrun.ErrNotFound, 404, `{"detail":"Concurrency limit not found"}`, ""},
		"a name in use":                         {"POST", newBase + "/", `{"name":"x","limit":1}`, taskrun.ErrExists, 409, `{"detail":"` + textTaken + `"}`, ""},
		"no free slot":                          {"POST", newBase + "/increment", slots, lockedFor, 423, `{"detail":"Locked"}`, "2.5"},
		"no free slot for a lease":              {"POST", newBase + "/increment-with-lease", slots, lockedFor, 423, `{"detail":"Locked"}`, "2.5"},
		"no free slot of a tag": {
			"POST", oldBase + "/increment", run, &concurrency.LockedError{Tag: "db", RetryAfter: 10 * time.Second}, 423,
			`{"detail":"Concurrency limit for the db tag has been reached"}`, "10.0",
		},
		"a limit of zero": {
			"POST", oldBase + "/increment", run, &concurrency.LockedError{Tag: "db", Never: true}, 423,
			`{"detail":"The concurrency limit on tag \"db\" is 0 and will deadlock if the task tries to run again."}`, "",
		},
		"more slots than the limit has": {
			"POST", newBase + "/increment", slots, concurrency.ErrTooManySlots, 422, `{"detail":"Slots requested is greater than the limit"}`, "",
		},
		"slots that do not decay": {
			"POST", newBase + "/increment", slots, &concurrency.NoDecayError{Names: []string{"a", "b'c"}}, 422,
			`{"detail":"Only concurrency limits with slot decay can be used for rate limiting. ` +
				`The following limits do not have a decay configured: \"a,b'c\""}`, "",
		},
		"an expired lease": {
			"POST", newBase + "/leases/" + idOther + "/renew", "", concurrency.ErrNoLease, 410,
			`{"detail":"Lease not found - it may have expired or been revoked"}`, "",
		},
		"an object that cannot be decoded": {
			"POST", newBase + "/decrement", slots,
			fmt.Errorf("reading the limit: %w", &taskrun.UndecodableError{
				Kind: "ConcurrencyLimit", Namespace: "default", Name: "db", Field: "spec.limit", Reason: "too large",
			}), 500, `{"exception_message":"ConcurrencyLimit default/db cannot be decoded: spec.limit: too large: ` +
				`repair the field or delete the object with kubectl"}`, "",
		},
		"an unavailable store": {"POST", newBase + "/decrement", slots, taskrun.ErrUnavailable, 503, `{"exception_message":"Service Unavailable"}`, "1"},
		"releasing while the store is unavailable": {
			"POST", newBase + "/decrement-with-lease", `{"lease_id":"` + idOther + `"}`, taskrun.ErrUnavailable, 503,
			`{"exception_message":"Service Unavailable"}`, "1",
		},
		"acquiring denied by a policy": {
			"POST", newBase + "/increment", slots, taskrun.NewRejectedError(taskrun.AdmissionDenied, "no"), 403, `{"detail":"no"}`, "",
		},
		"creating in a missing namespace": {
			"POST", oldBase + "/", `{"tag":"a","concurrency_limit":1}`, taskrun.NewRejectedError(taskrun.NamespaceMissing, "no"), 404, `{"detail":"no"}`, "",
		},
		"listing while the store is unavailable": {"POST", newBase + "/filter", "", taskrun.ErrUnavailable, 503, `{"exception_message":"Service Unavailable"}`, "1"},
		"creating while the store is unavailable": {
			"POST", oldBase + "/", `{"tag":"a","concurrency_limit":1}`, taskrun.ErrUnavailable, 503, `{"exception_message":"Service Unavailable"}`, "1",
		},
		"releasing tags while the store is unavailable": {"POST", oldBase + "/decrement", run, taskrun.ErrUnavailable, 503, `{"exception_message":"Service Unavailable"}`, "1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t, withLimits(&askedLimits{name: "tag:db", err: tc.err})).ask(t, tc.method, tc.path, tc.body)
			if w.Code != tc.wantStatus || w.Body.String() != tc.wantBody {
				t.Errorf("answer = %d %s, want %d %s", w.Code, w.Body, tc.wantStatus, tc.wantBody)
			}
			if got := w.Header().Get("Retry-After"); got != tc.wantRetry {
				t.Errorf("Retry-After = %q, want %q", got, tc.wantRetry)
			}
		})
	}
}

func TestTagLimits_onlyServeLimitsOfTags(t *testing.T) {
	t.Parallel()
	f := newFixture(t, withLimits(&askedLimits{name: "db"}))
	f.must(t, http.StatusNotFound, "GET", oldBase+"/"+idKnown, "")
}
