package authn

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What options may be at most: a revoked token or permission outlives its end by no more than maxTTL, and memory is bounded.
const (
	maxTTL       = time.Hour
	maxCacheSize = 1 << 20
)

// Options say what tokens must be for and how long answers of the API server are remembered.
type Options struct {
	// Audiences are those a token must be for: one of them is enough.
	Audiences []string
	// CacheTTL is how long a good token is remembered, at most until it expires. 0: each request asks.
	CacheTTL time.Duration
	// AllowedTTL and DeniedTTL are how long a yes and a no about an access are remembered. DeniedTTL bounds also how long
	// a bad token is remembered. 0: each request asks.
	AllowedTTL, DeniedTTL time.Duration
	// CacheSize is the number of answers in each of the four caches: good and bad tokens, yes and no. What is longest
	// unused goes first.
	CacheSize int
	// MaxReviews is the number of questions of each kind (tokens, accesses) that the API server is asked at a time.
	// Others wait, up to 32 times as many, and take turns by address or caller; more are ErrUnavailable at once. Remembered
	// answers never wait.
	MaxReviews int
	// Timeout bounds a question, its wait included.
	Timeout time.Duration
	// ClockSkew is how far past a token's expiry, by our clock, a token is good that the API server accepts. Such a
	// token is not remembered: the API server is asked each time.
	ClockSkew time.Duration
}

// DefaultOptions returns the options that hold when no flag is given.
func DefaultOptions() Options {
	return Options{
		Audiences:  []string{"taskrun.dev"},
		CacheTTL:   time.Minute,
		AllowedTTL: time.Minute,
		DeniedTTL:  5 * time.Second,
		CacheSize:  4096,
		MaxReviews: 20,
		Timeout:    5 * time.Second,
		ClockSkew:  10 * time.Second,
	}
}

// BindFlags lets flags set the options; what they hold now is the default.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.Var((*list)(&o.Audiences), "token-audience", "comma-separated audiences; a token must be for one of them")
	fs.DurationVar(&o.CacheTTL, "authentication-cache-ttl", o.CacheTTL,
		"lifetime of an accepted token in the cache, and so the time for which a revoked token may still be accepted (0 = no cache)")
	fs.DurationVar(&o.AllowedTTL, "authorization-cache-ttl", o.AllowedTTL,
		"lifetime of a granted permission in the cache, and so the time for which a revoked permission may still be granted (0 = no cache)")
	fs.IntVar(&o.CacheSize, "authentication-cache-size", o.CacheSize,
		"maximum number of entries in each of the four caches: accepted tokens, rejected tokens, granted and denied permissions")
	fs.IntVar(&o.MaxReviews, "authentication-max-reviews", o.MaxReviews,
		"maximum number of concurrent TokenReviews, and of concurrent SubjectAccessReviews")
}

// Validate tells what is wrong, naming the flags.
func (o *Options) Validate() error {
	return errors.Join(
		checkAudiences(o.Audiences),
		checkDuration("--authentication-cache-ttl", o.CacheTTL, maxTTL),
		checkDuration("--authorization-cache-ttl", o.AllowedTTL, maxTTL),
		checkNumber("--authentication-cache-size", o.CacheSize, maxCacheSize),
		checkNumber("--authentication-max-reviews", o.MaxReviews, maxCacheSize),
	)
}

// rejectedTTL is how long a bad token is remembered: no longer than a good one.
func (o *Options) rejectedTTL() time.Duration { return min(o.CacheTTL, o.DeniedTTL) }

func checkAudiences(audiences []string) error {
	if len(audiences) == 0 || slices.ContainsFunc(audiences, func(a string) bool { return strings.TrimSpace(a) == "" }) {
		return errors.New("--token-audience must name an audience such as taskrun.dev: without one, every token of the cluster would be good")
	}
	return nil
}

func checkDuration(name string, d, most time.Duration) error {
	if d < 0 || d > most {
		return fmt.Errorf("%s must be between 0s and %s", name, most)
	}
	return nil
}

func checkNumber(name string, n, most int) error {
	if n < 1 || n > most {
		return fmt.Errorf("%s must be between 1 and %d", name, most)
	}
	return nil
}

// list is a flag of values with commas between them.
type list []string

// String returns the values as they are given.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set replaces the values.
func (l *list) Set(text string) error {
	values := strings.Split(text, ",")
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	*l = values
	return nil
}
