package authn

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"
)

// Options say how callers are judged.
type Options struct {
	Audiences  []string      // a token must have been made for one of them
	CacheTTL   time.Duration // for how long an accepted token is not asked about again
	AllowedTTL time.Duration // for how long a permission is not
	DeniedTTL  time.Duration // for how long a refusal is not, of either kind
	CacheSize  int           // accepted tokens, rejected tokens, and verdicts that are remembered, each
	Timeout    time.Duration // for the API server to answer
	ClockSkew  time.Duration // by which the clock that tokens end by may be behind ours
}

// DefaultOptions returns the options that hold when no flag is given.
func DefaultOptions() Options {
	return Options{
		Audiences: []string{group}, CacheTTL: 10 * time.Second, AllowedTTL: 10 * time.Second, DeniedTTL: 5 * time.Second,
		CacheSize: 4096, Timeout: 5 * time.Second, ClockSkew: 10 * time.Second,
	}
}

// BindFlags lets flags set the options; what they hold now is the default.
func (o *Options) BindFlags(fs *flag.FlagSet) {
	fs.Var((*list)(&o.Audiences), "token-audience", "audience that tokens must be made for; several with commas between")
	fs.DurationVar(&o.CacheTTL, "authentication-cache-ttl", o.CacheTTL,
		"how long a token that was found good is not asked about again; one that is revoked is good for so long. It is never good past its own end")
	fs.DurationVar(&o.AllowedTTL, "authorization-cache-ttl", o.AllowedTTL, "how long a permission is not asked about again")
	fs.DurationVar(&o.DeniedTTL, "authorization-denied-cache-ttl", o.DeniedTTL, "how long a refusal, of a token or a permission, is not asked about again")
	fs.IntVar(&o.CacheSize, "authentication-cache-size", o.CacheSize, "how many good tokens, bad tokens and verdicts are remembered, each")
	fs.DurationVar(&o.Timeout, "authentication-timeout", o.Timeout, "how long the API server may take to judge a token or a permission; then the answer is 503")
	fs.DurationVar(&o.ClockSkew, "token-clock-skew", o.ClockSkew, "by how much the clock that tokens end by may be behind this machine's")
}

// Validate tells what is wrong, naming the flag.
func (o *Options) Validate() error {
	var audience, skew error
	if len(o.Audiences) == 0 {
		audience = errors.New("--token-audience must name one")
	}
	if o.ClockSkew < 0 {
		skew = errors.New("--token-clock-skew must not be less than 0s")
	}
	return errors.Join(
		audience, skew,
		checkPositive("--authentication-cache-ttl", o.CacheTTL),
		checkPositive("--authorization-cache-ttl", o.AllowedTTL),
		checkPositive("--authorization-denied-cache-ttl", o.DeniedTTL),
		checkPositive("--authentication-cache-size", o.CacheSize),
		checkPositive("--authentication-timeout", o.Timeout),
	)
}

func checkPositive[N int | time.Duration](name string, n N) error {
	if n <= 0 {
		return fmt.Errorf("%s must be more than 0", name)
	}
	return nil
}

// list is a flag of texts with commas between.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(text string) error {
	*l = nil
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l = append(*l, item)
		}
	}
	return nil
}
