package authn

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The maximums of options: maxTTL limits for how long a revoked token or permission is still accepted.
const (
	maxTTL       = time.Hour
	maxCacheSize = 1 << 20
)

// Options configure a Reviewer.
type Options struct {
	// Audiences are the accepted audiences. A token must be for one of them.
	Audiences []string
	// CacheTTL is the time that an accepted token is cached, at most until it expires. 0 means no cache.
	CacheTTL time.Duration
	// AllowedTTL and DeniedTTL are the times that a granted and a denied permission are cached. DeniedTTL is also the
	// maximum time that a rejected token is cached. 0 means no cache.
	AllowedTTL, DeniedTTL time.Duration
	// CacheSize is the maximum number of entries of each of the four caches: accepted and rejected tokens, granted and
	// denied permissions. The least recently used entry is evicted first.
	CacheSize int
	// MaxReviews is the maximum number of concurrent reviews of each kind (tokens, accesses). At most 32 times as many
	// wait, in a queue that is fair by address or caller. Further ones fail with ErrUnavailable. Cached results never wait.
	MaxReviews int
	// Timeout is the maximum duration of a review, including its wait.
	Timeout time.Duration
	// ClockSkew is the time after its expiry, by the clock of this machine, for which a token that the API server
	// accepts is valid. Such a token is not cached.
	ClockSkew time.Duration
}

// DefaultOptions returns the defaults of the flags.
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

// BindFlags registers flags for the options. The current values are the defaults.
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

// Validate returns all invalid options, with the names of their flags.
func (o *Options) Validate() error {
	return errors.Join(
		checkAudiences(o.Audiences),
		checkDuration("--authentication-cache-ttl", o.CacheTTL, maxTTL),
		checkDuration("--authorization-cache-ttl", o.AllowedTTL, maxTTL),
		checkNumber("--authentication-cache-size", o.CacheSize, maxCacheSize),
		checkNumber("--authentication-max-reviews", o.MaxReviews, maxCacheSize),
	)
}

// rejectedTTL returns the time that a rejected token is cached: no longer than an accepted one.
func (o *Options) rejectedTTL() time.Duration { return min(o.CacheTTL, o.DeniedTTL) }

func checkAudiences(audiences []string) error {
	if len(audiences) == 0 || slices.ContainsFunc(audiences, func(a string) bool { return strings.TrimSpace(a) == "" }) {
		return errors.New("--token-audience must name an audience such as taskrun.dev: without one, every token of the cluster would be accepted")
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

// list is a flag with comma-separated values.
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
