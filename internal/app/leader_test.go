package app

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// electorate is replicas that choose a leader, with an API server that may be away.
type electorate struct {
	client *fake.Clientset
	away   atomic.Bool
	leader atomic.Value // string
}

func newElectorate() *electorate {
	e := &electorate{client: fake.NewClientset()}
	e.client.PrependReactor("*", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		if e.away.Load() {
			return true, nil, errors.New("away")
		}
		return false, nil, nil
	})
	return e
}

// run has a replica take part until the context ends, or it has lost the lead.
func (e *electorate) run(ctx context.Context, name string, ended chan<- string) {
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &leaderLock{clock: clock{}, Interface: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: "sys", Name: leaseName},
			Client:     e.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		}},
		LeaseDuration: leaseDuration, RenewDeadline: leaderPatience, RetryPeriod: retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(ctx context.Context) { e.leader.Store(name); <-ctx.Done() },
			OnStoppedLeading: func() { ended <- name },
		},
	})
}

func TestALeaderThatDiesIsFollowedWithinFiveSeconds(t *testing.T) {
	t.Parallel()
	for range 10 { // the pauses between tries are random
		synctest.Test(t, func(t *testing.T) {
			e := newElectorate()
			ended := make(chan string, 2)
			first, die := context.WithCancel(t.Context())
			go e.run(first, "first", ended)
			time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's time
			second, stop := context.WithCancel(t.Context())
			go e.run(second, "second", ended)
			time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's time
			if e.leader.Load() != "first" {
				t.Errorf("%q leads though the first one lives", e.leader.Load())
			}
			die()                       // without giving the lease up: ReleaseOnCancel is off here
			time.Sleep(5 * time.Second) //nolint:forbidigo // the bubble's time
			if e.leader.Load() != "second" {
				t.Errorf("%q leads five seconds after the leader died", e.leader.Load())
			}
			stop()
			synctest.Wait()
		})
	}
}

func TestALeaderSurvivesAnAPIServerThatIsAwayForHalfAMinute(t *testing.T) {
	t.Parallel()
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			e := newElectorate()
			ended := make(chan string, 2)
			all, stop := context.WithCancel(t.Context())
			go e.run(all, "first", ended)
			time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
			go e.run(all, "second", ended)
			time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's time
			e.away.Store(true)
			time.Sleep(30 * time.Second) //nolint:forbidigo // the bubble's time
			e.away.Store(false)
			time.Sleep(leaseDuration) //nolint:forbidigo // the bubble's time
			if e.leader.Load() != "first" || len(ended) > 0 {
				t.Errorf("%q leads, %d have ended", e.leader.Load(), len(ended))
			}
			stop()
			synctest.Wait()
		})
	}
}
