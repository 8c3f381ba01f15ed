package app

import (
	"bytes"
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// A leader that dies is followed within five seconds; one that stops gives its
// lease up at once. A leader that only cannot reach the API server stays the
// leader for leaderPatience, since the program ends with its leadership; all that
// time the others cannot reach it either, or take over. Nothing is wrong while
// there are two leaders, or none: every write is compared and swapped.
const (
	leaseName      = "taskrun-operator.taskrun.dev"
	leaseSeconds   = 3                      // without renewal, after which others follow
	renewPeriod    = time.Second            // of the leader
	retryPeriod    = 400 * time.Millisecond // of looks of all replicas; client-go makes it up to 2.2 times as long
	leaderPatience = 40 * time.Second
	leaseDuration  = 60 * time.Second // more than that
)

// newLeaderLock returns the lock by which replicas choose the leader.
func newLeaderLock(config *rest.Config, namespace string) (*leaderLock, error) {
	config = rest.AddUserAgent(rest.CopyConfig(config), "leader-election")
	config.Timeout = leaderPatience / 2 // one call that hangs does not cost the leadership
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("preparing a client for the leader's lease: %w", err)
	}
	identity, err := newIdentity()
	if err != nil {
		return nil, err
	}
	return &leaderLock{clock: clock{}, Interface: &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: leaseName},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
	}}, nil
}

// leaderLock is a lease that is short for those who wait for it, however long its
// holder tries to renew it. It is used by one goroutine.
type leaderLock struct {
	resourcelock.Interface

	clock   taskrun.Clock
	renewed time.Time // when this replica wrote last that it leads

	deaf     bool // the last look at the lease failed
	silences int  // how often that ended
}

// Get reads the lease. After a silence of the API server it is another one to
// those who compare: the holder could not renew it in between, and has the whole
// time again.
func (l *leaderLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err != nil {
		l.deaf = !apierrors.IsNotFound(err)
		return nil, nil, err
	}
	if l.deaf {
		l.deaf, l.silences = false, l.silences+1
	}
	return record, append(raw, bytes.Repeat([]byte(" "), l.silences)...), nil
}

// Create makes the lease.
func (l *leaderLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	return l.Interface.Create(ctx, short(record))
}

// Update renews the lease, takes it, or gives it up. A replica that has just renewed it
// need not again.
func (l *leaderLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	leads := record.HolderIdentity == l.Identity()
	if leads && l.clock.Now().Sub(l.renewed) < renewPeriod {
		return nil
	}
	err := l.Interface.Update(ctx, short(record))
	l.renewed = time.Time{}
	if err == nil && leads {
		l.renewed = l.clock.Now()
	}
	return err
}

func short(record resourcelock.LeaderElectionRecord) resourcelock.LeaderElectionRecord {
	record.LeaseDurationSeconds = min(record.LeaseDurationSeconds, leaseSeconds)
	return record
}
