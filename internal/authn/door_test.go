package authn

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

var noon = time.Date(2026, time.August, 21, 12, 0, 0, 0, time.UTC)

// movableClock shows the same time until it is moved.
type movableClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *movableClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *movableClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// judge is the API server: it knows tokens by who they are of, and what users
// may do.
type judge struct {
	mu        sync.Mutex
	users     map[string]string // by token
	audiences []string
	allowed   map[string]bool // by user, verb and resource
	fault     error
	asked     []string
	slow      <-chan struct{} // answers come when it is closed; nil: at once
}

func (j *judge) review(action clienttesting.Action) (bool, runtime.Object, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if slow := j.slow; slow != nil {
		j.mu.Unlock()
		<-slow
		j.mu.Lock()
	}
	create, _ := action.(clienttesting.CreateAction)
	switch o := create.GetObject().(type) {
	case *authenticationv1.TokenReview:
		j.asked = append(j.asked, "token")
		if user := j.users[o.Spec.Token]; user != "" {
			o.Status = authenticationv1.TokenReviewStatus{
				Authenticated: true, Audiences: j.audiences,
				User: authenticationv1.UserInfo{Username: user, UID: "u", Groups: []string{"g"}, Extra: map[string]authenticationv1.ExtraValue{"k": {"v"}}},
			}
		}
		return true, o, j.fault
	case *authorizationv1.SubjectAccessReview:
		asked := o.Spec.User
		if a := o.Spec.ResourceAttributes; a != nil {
			asked += " " + a.Verb + " " + a.Group + " " + a.Resource + "/" + a.Subresource + " in " + a.Namespace
		} else {
			asked += " " + o.Spec.NonResourceAttributes.Verb + " " + o.Spec.NonResourceAttributes.Path
		}
		j.asked = append(j.asked, asked)
		o.Status.Allowed = j.allowed[asked]
		return true, o, j.fault
	default:
		return true, nil, fmt.Errorf("asked for %T", o)
	}
}

func (j *judge) set(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
}

func (j *judge) questions() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	asked := j.asked
	j.asked = nil
	return asked
}

func newDoor(t *testing.T, j *judge, change func(*Options)) (*Door, *movableClock) {
	t.Helper()
	client := fake.NewClientset()
	client.PrependReactor("create", "*", j.review)
	o := DefaultOptions()
	if change != nil {
		change(&o)
	}
	clock := &movableClock{now: noon}
	d, err := New(o, client, clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, clock
}

// jwt is a token that says when it ends.
func jwt(name string, until time.Time) string {
	claims := fmt.Sprintf(`{"sub":%q,"exp":%d}`, name, until.Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

func TestAnAcceptedTokenIsKnownForAWhile(t *testing.T) {
	t.Parallel()
	token := jwt("ann", noon.Add(time.Hour))
	j := &judge{users: map[string]string{token: "ann"}, audiences: []string{"taskrun.dev"}}
	d, clock := newDoor(t, j, nil)
	want := Caller{Name: "ann", UID: "u", Groups: []string{"g"}, Extra: map[string][]string{"k": {"v"}}, Until: noon.Add(time.Hour)}
	for range 3 {
		got, err := d.Authenticate(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		got.Until = got.Until.UTC()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("caller (-want +got):\n%s", diff)
		}
	}
	if asked := j.questions(); len(asked) != 1 {
		t.Errorf("asked %d times, want once", len(asked))
	}
	j.set(func() { j.users = nil })
	clock.advance(DefaultOptions().CacheTTL + time.Second)
	if _, err := d.Authenticate(t.Context(), token); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("after it was revoked: %v, want ErrUnauthenticated", err)
	}
}

func TestATokenIsNotGoodPastItsEnd(t *testing.T) {
	t.Parallel()
	token := jwt("ann", noon.Add(3*time.Second))
	j := &judge{users: map[string]string{token: "ann"}, audiences: []string{"taskrun.dev"}}
	d, clock := newDoor(t, j, func(o *Options) { o.CacheTTL, o.ClockSkew = time.Hour, 10*time.Second })
	if _, err := d.Authenticate(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	clock.advance(12 * time.Second) // the clock may be 10 s ahead of the one that made it
	if _, err := d.Authenticate(t.Context(), token); err != nil {
		t.Errorf("within the skew: %v", err)
	}
	clock.advance(2 * time.Second)
	if _, err := d.Authenticate(t.Context(), token); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("past its end, though known: %v, want ErrUnauthenticated", err)
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	j := &judge{users: map[string]string{"good": "ann"}, audiences: []string{"somebody.else"}}
	d, _ := newDoor(t, j, nil)
	cases := map[string]struct {
		token     string
		wantAsked int
	}{
		"a token of another audience":   {"good", 1},
		"garbage":                       {"garbage", 1},
		"garbage again, which is known": {"garbage", 0},
		"nothing":                       {"", 0},
		"a token with a space":          {"a b", 0},
		"a token with a line break":     {"a\nb", 0},
		"a token of another alphabet":   {"ä", 0},
		"a token that is too long":      {strings.Repeat("a", maxToken+1), 0},
	}
	for _, name := range []string{
		"a token of another audience", "garbage", "garbage again, which is known", "nothing", "a token with a space", "a token with a line break",
		"a token of another alphabet", "a token that is too long",
	} {
		tc := cases[name]
		_, err := d.Authenticate(t.Context(), tc.token)
		if !errors.Is(err, ErrUnauthenticated) || errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnauthenticated", name, err)
		}
		if asked := len(j.questions()); asked != tc.wantAsked {
			t.Errorf("%s: asked %d times, want %d", name, asked, tc.wantAsked)
		}
	}
}

// An API server that knows no audiences names none, and would take any token.
func TestATokenForNobodyInParticularIsRefused(t *testing.T) {
	t.Parallel()
	d, _ := newDoor(t, &judge{users: map[string]string{"good": "ann"}}, nil)
	if _, err := d.Authenticate(t.Context(), "good"); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("error = %v, want ErrUnauthenticated", err)
	}
}

func TestTheDoorStaysShutWhenNobodyCanBeAsked(t *testing.T) {
	t.Parallel()
	j := &judge{users: map[string]string{"good": "ann"}, audiences: []string{"taskrun.dev"}, fault: errors.New("down")}
	d, _ := newDoor(t, j, nil)
	if _, err := d.Authenticate(t.Context(), "good"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Authenticate = %v, want ErrUnavailable", err)
	}
	if err := d.Authorize(t.Context(), Caller{Name: "ann"}, Access{Verb: "get", Resource: "taskruns"}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Authorize = %v, want ErrUnavailable", err)
	}
	j.set(func() { j.fault = nil })
	if _, err := d.Authenticate(t.Context(), "good"); err != nil {
		t.Errorf("as soon as somebody can: %v", err)
	}
}

func TestAFloodOfBadTokensDrivesOutNoGoodOne(t *testing.T) {
	t.Parallel()
	j := &judge{users: map[string]string{"good": "ann"}, audiences: []string{"taskrun.dev"}}
	d, _ := newDoor(t, j, func(o *Options) { o.CacheSize = 10 })
	if _, err := d.Authenticate(t.Context(), "good"); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if _, err := d.Authenticate(t.Context(), fmt.Sprintf("bad-%d", i)); !errors.Is(err, ErrUnauthenticated) {
			t.Fatal(err)
		}
	}
	j.questions()
	if _, err := d.Authenticate(t.Context(), "good"); err != nil || len(j.questions()) != 0 {
		t.Errorf("the good token was forgotten: %v", err)
	}
	if kept := len(d.rejected.Keys()); kept > 10 {
		t.Errorf("%d bad tokens are remembered, want 10 at most", kept)
	}
	for _, key := range d.accepted.Keys() {
		if text, _ := key.(string); strings.Contains(text, "good") {
			t.Error("the token itself is remembered")
		}
	}
}

func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := make(chan struct{})
		j := &judge{users: map[string]string{"good": "ann"}, audiences: []string{"taskrun.dev"}, slow: slow}
		d, _ := newDoor(t, j, nil)
		hasty, leave := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() {
			if _, err := d.Authenticate(hasty, "good"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("who leaves hears %v, want ErrUnavailable", err)
			}
		})
		synctest.Wait()
		for range 20 {
			wait.Go(func() {
				if caller, err := d.Authenticate(t.Context(), "good"); err != nil || caller.Name != "ann" {
					t.Errorf("caller %+v, %v", caller, err)
				}
			})
		}
		synctest.Wait()
		leave() // the first one: the others hear the answer all the same
		synctest.Wait()
		close(slow)
		wait.Wait()
		if asked := j.questions(); len(asked) != 1 {
			t.Errorf("asked %d times, want once", len(asked))
		}
	})
}

func TestPermissionsAreKnownForAWhile(t *testing.T) {
	t.Parallel()
	const asked = "ann update taskrun.dev taskruns/status in red"
	j := &judge{allowed: map[string]bool{asked: true, "ann get /metrics": true}}
	d, clock := newDoor(t, j, nil)
	red := Access{Verb: "update", Namespace: "red", Resource: "taskruns", Subresource: "status"}
	blue := red
	blue.Namespace = "blue"
	ann := Caller{Name: "ann", Until: noon.Add(time.Hour)}
	for i := range 3 {
		ann.Until = ann.Until.Add(time.Duration(i) * time.Hour) // another token of hers
		if err := d.Authorize(t.Context(), ann, red); err != nil {
			t.Fatal(err)
		}
		err := d.Authorize(t.Context(), ann, blue)
		if !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), `ann may not update taskruns/status (taskrun.dev) in namespace "blue"`) {
			t.Fatalf("blue: %v", err)
		}
	}
	if err := d.Authorize(t.Context(), ann, Access{Verb: "get", Path: "/metrics"}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{asked, strings.Replace(asked, "red", "blue", 1), "ann get /metrics"}, j.questions()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	groups := ann
	groups.Groups = []string{"others"}
	_ = d.Authorize(t.Context(), groups, red)
	if len(j.questions()) != 1 {
		t.Error("somebody in another group counts as the same")
	}
	j.set(func() { j.allowed[asked] = false; j.allowed[strings.Replace(asked, "red", "blue", 1)] = true })
	clock.advance(DefaultOptions().DeniedTTL + time.Second)
	if err := d.Authorize(t.Context(), ann, blue); err != nil {
		t.Errorf("a refusal is remembered for too long: %v", err)
	}
	clock.advance(DefaultOptions().AllowedTTL)
	if err := d.Authorize(t.Context(), ann, red); !errors.Is(err, ErrForbidden) {
		t.Errorf("a permission is remembered for too long: %v", err)
	}
}

func TestBadOptionsAreNamed(t *testing.T) {
	t.Parallel()
	for name, arg := range map[string]string{
		"no audience": "--token-audience=", "no time for tokens": "--authentication-cache-ttl=0s", "no time for permissions": "--authorization-cache-ttl=0s",
		"no time for refusals": "--authorization-denied-cache-ttl=-1s", "no room": "--authentication-cache-size=0",
		"no time to ask": "--authentication-timeout=0s", "a skew to the other side": "--token-clock-skew=-1s",
	} {
		o := DefaultOptions()
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		o.BindFlags(fs)
		if err := fs.Parse([]string{arg}); err != nil {
			t.Fatal(err)
		}
		flagName, _, _ := strings.Cut(arg, "=")
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), flagName) {
			t.Errorf("%s: %v, want an error naming %s", name, err, flagName)
		}
	}
	o := DefaultOptions()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}
