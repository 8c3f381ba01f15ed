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

func TestDefaultOptionsAreValid(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestFlagsSetEveryOption(t *testing.T) {
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

func TestNothingNeedBeRemembered(t *testing.T) {
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

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, arg := range map[string]string{
		"no audience":                      "--token-audience=",
		"an empty audience":                "--token-audience=a,,b",
		"less than no time for tokens":     "--authentication-cache-ttl=-1s",
		"a token for a day":                "--authentication-cache-ttl=24h",
		"less than no time for rights":     "--authorization-cache-ttl=-1s",
		"a right for longer than an hour":  "--authorization-cache-ttl=1h1s",
		"no memory":                        "--authentication-cache-size=0",
		"more memory than there is":        "--authentication-cache-size=1048577",
		"no questions":                     "--authentication-max-reviews=0",
		"more questions than are possible": "--authentication-max-reviews=1048577",
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
