package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// maxTakeover is the maximum time from the death of a leader to the next one: the
// Lease expires, and two checks of a follower, of its renewal and of its expiry, are
// late by the retry period with its jitter.
const maxTakeover = leaseDuration + 2*retryPeriod*22/10

// replicas participate in an election through an API server that can be unreachable.
type replicas struct {
	client *fake.Clientset
	away   atomic.Bool

	mu      sync.Mutex
	leading []string // one entry for each current term
	terms   int
}

func newReplicas() *replicas {
	r := &replicas{client: fake.NewClientset()}
	r.client.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		if r.away.Load() {
			return true, nil, errors.New("away")
		}
		return false, nil, nil
	})
	return r
}

// newReplica returns a replica whose name is in leading while it leads.
func (r *replicas) newReplica(name string) *election {
	return &election{
		lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: "sys", Name: leaseName},
			Client:     r.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		work: func() ([]manager.Runnable, error) { return []manager.Runnable{r.workOf(name)}, nil },
		log:  logr.Discard(),
	}
}

func (r *replicas) workOf(name string) manager.RunnableFunc {
	return func(ctx context.Context) error {
		r.mu.Lock()
		r.leading = append(r.leading, name)
		r.terms++
		r.mu.Unlock()
		<-ctx.Done()
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.Index(r.leading, name)
		r.leading = slices.Delete(r.leading, i, i+1)
		return nil
	}
}

func (r *replicas) leaders() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.leading, " and ")
}

// start starts a replica, which must end without an error. It returns a function that
// stops the replica.
func (r *replicas) start(t *testing.T, name string) context.CancelFunc {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	e := r.newReplica(name)
	go func() { ended <- e.Start(ctx) }()
	stop := sync.OnceFunc(func() {
		select {
		case err := <-ended:
			t.Errorf("%s ended by itself: %v", name, err)
			return
		default:
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// wait advances the time of a bubble.
func wait(d time.Duration) { <-time.After(d) }

func TestElection_leaderThatDiesIsReplaced(t *testing.T) {
	t.Parallel()
	for range 20 { // the pauses between checks of the Lease are random
		synctest.Test(t, func(t *testing.T) {
			r := newReplicas()
			dead := r.newReplica("first").lock
			lease := resourcelock.LeaderElectionRecord{HolderIdentity: "first", LeaseDurationSeconds: int(leaseDuration.Seconds())}
			lease.AcquireTime, lease.RenewTime = metav1.Now(), metav1.Now()
			if err := dead.Create(t.Context(), lease); err != nil {
				t.Fatal(err)
			}
			r.start(t, "second")
			wait(leaseDuration - time.Second)
			if got := r.leaders(); got != "" {
				t.Errorf("%s leads before the Lease of the first has expired", got)
			}
			wait(maxTakeover - leaseDuration + time.Second)
			if got := r.leaders(); got != "second" {
				t.Errorf("leader = %q %s after the first died, want the second", got, maxTakeover)
			}
		})
	}
}

func TestElection_leaderThatStopsIsReplacedAtTheNextCheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		stop := r.start(t, "first")
		wait(time.Second)
		r.start(t, "second")
		wait(time.Minute)
		if got := r.leaders(); got != "first" {
			t.Errorf("leader = %q, want the first for as long as it runs", got)
		}
		stop()
		wait(retryPeriod * 22 / 10)
		if got := r.leaders(); got != "second" {
			t.Errorf("leader = %q, want the second", got)
		}
	})
}

func TestElection_outageOfTheAPIServerEndsTermsButNoReplica(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		outage     time.Duration
		wantDuring string
		wantTerms  int
	}{
		"shorter than the deadline": {outage: renewDeadline - retryPeriod, wantDuring: "first", wantTerms: 1},
		"longer than the deadline":  {outage: 30 * time.Second, wantTerms: 2},
		"longer than all timeouts":  {outage: time.Hour, wantTerms: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newReplicas()
				r.start(t, "first")
				wait(time.Second)
				r.start(t, "second")
				wait(time.Minute)
				r.away.Store(true)
				wait(tt.outage)
				if got := r.leaders(); got != tt.wantDuring {
					t.Errorf("leader during the outage = %q, want %q", got, tt.wantDuring)
				}
				r.away.Store(false)
				wait(retryPeriod * 22 / 10)
				if got := r.leaders(); (got != "first" && got != "second") || r.terms != tt.wantTerms {
					t.Errorf("leader after the outage = %q in term %d, want one in term %d", got, r.terms, tt.wantTerms)
				}
			})
		})
	}
}

func TestElection_withoutItEachReplicaLeads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas()
		ctx, stop := context.WithCancel(t.Context())
		e := &election{work: func() ([]manager.Runnable, error) { return []manager.Runnable{r.workOf("alone")}, nil }}
		ended := make(chan error, 1)
		go func() { ended <- e.Start(ctx) }()
		if got := r.leaders(); got != "alone" {
			t.Errorf("leader = %q, want the only replica", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("error = %v, want none", err)
		}
	})
}

func TestElection_failedWorkEndsTheProgram(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	fails := manager.RunnableFunc(func(context.Context) error { return broken })
	tests := map[string]func() ([]manager.Runnable, error){
		"during its creation": func() ([]manager.Runnable, error) { return nil, broken },
		"while it runs":       func() ([]manager.Runnable, error) { return []manager.Runnable{fails}, nil },
	}
	for name, work := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newReplicas().newReplica("first")
				e.work = work
				if err := e.Start(t.Context()); !errors.Is(err, broken) {
					t.Errorf("error = %v, want %v", err, broken)
				}
			})
		})
	}
}

// The alert TaskRunNoLeader selects this row.
func TestElection_metricHasTheNameOfTheLease(t *testing.T) {
	t.Parallel()
	if _, err := newReplicas().newReplica("first").elector(nil); err != nil {
		t.Fatal(err)
	}
	if rows := rowsOf(t, "leader_election_master_status"); !slices.Contains(rows, leaseName) {
		t.Errorf("rows = %q, want %s", rows, leaseName)
	}
}

// rowsOf returns the label name of the rows of a metric.
func rowsOf(t *testing.T, metric string) []string {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, row := range family.GetMetric() {
			for _, label := range row.GetLabel() {
				if label.GetName() == "name" {
					names = append(names, label.GetValue())
				}
			}
		}
	}
	return names
}
