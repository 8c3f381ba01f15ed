package authn

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
)

// flood sends a number of invalid tokens, one after the other, and returns the number of those that were not reviewed.
func flood(ctx context.Context, t *testing.T, d *Reviewer, round string, n int) (limited int) {
	t.Helper()
	for i := range n {
		_, err := d.Authenticate(ctx, fmt.Sprint("bad", round, i))
		if errors.Is(err, ErrTooManyRejected) {
			wantKind(t, err, ErrUnavailable, "try again")
			limited++
			continue
		}
		wantKind(t, err, ErrUnauthenticated)
	}
	return limited
}

func TestRejections_limitReviewsOfOneAddress(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{"old": accepted("old", "taskrun.dev"), "new": accepted("new", "taskrun.dev")}}
	d, clock := newReviewer(t, c)
	here, elsewhere := WithAddress(t.Context(), "192.0.2.1"), WithAddress(t.Context(), "192.0.2.2")
	if _, err := d.Authenticate(here, "old"); err != nil {
		t.Fatal(err)
	}
	const seconds = 10
	for second := range seconds {
		flood(here, t, d, fmt.Sprint(second, "-"), 1000)
		clock.Step(time.Second)
	}
	want := 1 + rejectedBurst + (seconds-1)*rejectedPerSecond
	if tokens, _ := c.asked(); tokens != want {
		t.Errorf("the API server was asked %d times, want %d", tokens, want)
	}
	clock.Step(testOptions().CacheTTL) // the flood continues, and the old token needs another review
	flood(here, t, d, "late", 1000)
	if _, err := d.Authenticate(here, "old"); err != nil {
		t.Errorf("a caller of the address that was accepted before: %v", err)
	}
	if _, err := d.Authenticate(elsewhere, "new"); err != nil {
		t.Errorf("a new caller of another address: %v", err)
	}
	if limited := flood(elsewhere, t, d, "other", rejectedBurst); limited != 0 {
		t.Errorf("%d of the first bad tokens of another address were not reviewed", limited)
	}
}

func TestRejections_acceptedTokensDoNotCount(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{}}
	d, _ := newReviewer(t, c)
	ctx := WithAddress(t.Context(), "192.0.2.1")
	for i := range 10 * rejectedBurst {
		token := fmt.Sprint("good", i)
		c.users[token] = accepted(token, "taskrun.dev")
		if _, err := d.Authenticate(ctx, token); err != nil {
			t.Fatalf("token %d: %v", i, err)
		}
	}
	c.fail(errors.New("down"))
	for i := range 2 * rejectedBurst { // failed reviews do not count
		_, err := d.Authenticate(ctx, fmt.Sprint("later", i))
		if wantKind(t, err, ErrUnavailable); errors.Is(err, ErrTooManyRejected) {
			t.Fatalf("token %d during an outage: %v", i, err)
		}
	}
}

func TestRejections_revokedTokenCountsForItsAddress(t *testing.T) {
	t.Parallel()
	c := &cluster{users: map[string]authenticationv1.TokenReviewStatus{"revoked": accepted("a", "taskrun.dev")}}
	d, clock := newReviewer(t, c)
	ctx := WithAddress(t.Context(), "192.0.2.1")
	if _, err := d.Authenticate(ctx, "revoked"); err != nil {
		t.Fatal(err)
	}
	delete(c.users, "revoked")
	clock.Step(testOptions().CacheTTL + 1)
	_, err := d.Authenticate(ctx, "revoked")
	wantKind(t, err, ErrUnauthenticated)
	clock.Step(testOptions().DeniedTTL + 1)
	flood(ctx, t, d, "", rejectedBurst)
	if _, err = d.Authenticate(ctx, "revoked"); !errors.Is(err, ErrTooManyRejected) {
		t.Errorf("error = %v, want that there were too many", err)
	}
}

func TestRejections_addressesExpire(t *testing.T) {
	t.Parallel()
	d, clock := newReviewer(t, &cluster{})
	for i := range maxAddresses + 10 {
		flood(WithAddress(t.Context(), strconv.Itoa(i)), t, d, strconv.Itoa(i), 1)
	}
	if n := len(d.rejections.byAddress.Keys()); n != maxAddresses {
		t.Errorf("%d addresses are remembered, want %d", n, maxAddresses)
	}
	last := strconv.Itoa(maxAddresses)
	clock.Step(time.Second)
	if d.rejections.record(origin{address: last}, "", nil); len(d.rejections.byAddress.Keys()) != maxAddresses-1 {
		t.Error("an address is remembered without a reason")
	}
}

// With a slow API server and a flood from a new address, others wait for a turn, not for the end of the flood.
func TestFairQueue_alternatesBetweenAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{
			users: map[string]authenticationv1.TokenReviewStatus{"modest": accepted("modest", "taskrun.dev")},
			hold: func(ctx context.Context) error {
				select {
				case <-time.After(100 * time.Millisecond):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		}
		d, _ := newReviewer(t, c)
		for _, address := range []string{"a", "b", "c"} {
			for i := range 200 { // more than the maximum number that wait
				go func() { _, _ = d.Authenticate(WithAddress(t.Context(), address), fmt.Sprint(address, i)) }()
			}
		}
		synctest.Wait()
		began := time.Now()
		if _, err := d.Authenticate(WithAddress(t.Context(), "d"), "modest"); err != nil {
			t.Error(err)
		}
		// Two run at a time: those that run already, and at most one of each other address.
		if took := time.Since(began); took > 400*time.Millisecond {
			t.Errorf("it took %s, want 400ms at most", took)
		}
		<-time.After(time.Minute) // in the bubble: until the flood has ended
		if n := d.tokenCache.queue.size(); n != 0 || len(d.tokenCache.queue.senders) != 0 || len(d.tokenCache.queue.order) != 0 {
			t.Errorf("%d reviews still run or wait", n)
		}
	})
}

func TestFairQueue_noSenderGetsTheLastQuarter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newFairQueue(8, 100)
		over, end := context.WithCancel(t.Context())
		defer end()
		granted := 0
		for range 20 {
			go func() {
				if _, err := turns.acquire(over, "greedy"); err == nil {
					granted++
				}
			}()
			synctest.Wait()
		}
		if granted != 6 {
			t.Errorf("%d turns were granted, want 6", granted)
		}
		for range 2 {
			if _, err := turns.acquire(t.Context(), "modest"); err != nil {
				t.Error(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.acquire(ctx, "late"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("beyond all places: %v", err)
		}
		turns.release("modest") // those of the sender with the most still wait, because it has its maximum
		if _, err := turns.acquire(t.Context(), "late"); err != nil {
			t.Error(err)
		}
	})
}
