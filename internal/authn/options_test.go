package authn

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"
)

func TestDefaultOptions_areValid(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestBindFlags_setsEveryOption(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	o.BindFlags(fs)
	err := fs.Parse([]string{
		"--token-audience=a, b", "--authentication-cache-ttl=1s", "--authorization-cache-ttl=2s",
		"--authentication-cache-size=4", "--authentication-max-reviews=5",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultOptions()
	want.Audiences, want.CacheTTL, want.AllowedTTL = []string{"a", "b"}, time.Second, 2*time.Second
	want.CacheSize, want.MaxReviews = 4, 5
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestOptions_withoutCache(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	o.CacheTTL, o.AllowedTTL, o.DeniedTTL, o.ClockSkew = 0, 0, 0, 0
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	o.Audiences = []string{"taskrun.dev", "second"}
	c := &cluster{allowed: allowing(true)}
	d, err := New(o, c, testingclock.NewFakeClock(start))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _ = d.Authenticate(t.Context(), "t")
		_ = d.Authorize(t.Context(), Caller{Name: "a"}, Access{Verb: "get", Resource: "taskruns"})
	}
	if tokens, accesses := c.asked(); tokens != 3 || accesses != 3 {
		t.Errorf("asked %d and %d times, want 3 and 3", tokens, accesses)
	}
}

func TestOptions_invalidValues(t *testing.T) {
	t.Parallel()
	for name, arg := range map[string]string{
		"no audience":                        "--token-audience=",
		"an empty audience":                  "--token-audience=a,,b",
		"a negative TTL of tokens":           "--authentication-cache-ttl=-1s",
		"a TTL of tokens of a day":           "--authentication-cache-ttl=24h",
		"a negative TTL of permissions":      "--authorization-cache-ttl=-1s",
		"a TTL of permissions above an hour": "--authorization-cache-ttl=1h1s",
		"a cache of size 0":                  "--authentication-cache-size=0",
		"a cache that is too large":          "--authentication-cache-size=1048577",
		"no reviews":                         "--authentication-max-reviews=0",
		"too many reviews":                   "--authentication-max-reviews=1048577",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := DefaultOptions()
			fs := flag.NewFlagSet("", flag.ContinueOnError)
			fs.SetOutput(io.Discard)
			o.BindFlags(fs)
			if err := fs.Parse([]string{arg}); err != nil {
				t.Fatal(err)
			}
			flagName, _, _ := strings.Cut(arg, "=")
			if _, err := New(o, &cluster{}, testingclock.NewFakeClock(start)); err == nil || !strings.Contains(err.Error(), flagName) {
				t.Errorf("error = %v, want one naming %s", err, flagName)
			}
		})
	}
}
