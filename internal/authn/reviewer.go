package authn

import (
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/utils/clock"
)

// Caller identifies the sender of a request. Callers that Reviewer returns are shared and must not be modified.
type Caller struct {
	// Name is the name of the user in Kubernetes: system:serviceaccount:NAMESPACE:NAME, or a user's name.
	Name string
	// UID distinguishes users that had the same name at different times. It may be empty.
	UID    string
	Groups []string
	Extra  map[string][]string
	// Until is the time at which the credentials are no longer valid: the expiration of the token, and
	// Options.ClockSkew longer. Zero: not known.
	Until time.Time
}

// Metrics counts reviews by the API server. Results from the cache are not counted.
type Metrics interface {
	// Reviewed counts a review. kind is "token" or "access". outcome is "accepted" or "rejected" for a token, "allowed"
	// or "denied" for an access, or "error". took is the time until the response.
	Reviewed(kind, outcome string, took time.Duration)
}

// Reviewer identifies callers and checks their permissions through reviews by the API server. It is safe for concurrent
// use.
type Reviewer struct {
	// Metrics may be set before the first use. nil means that reviews are not counted.
	Metrics Metrics

	options     Options
	clock       clock.PassiveClock
	tokens      authenticationclient.TokenReviewInterface
	accesses    authorizationclient.SubjectAccessReviewInterface
	hasher      keyHasher
	tokenCache  *reviewCache[Caller]
	accessCache *reviewCache[struct{}]
	rejections  *rejections
}

// New returns a Reviewer that sends its reviews with client. The client should have no rate limit, because
// Options.MaxReviews limits the reviews. New returns the error of Options.Validate.
func New(o Options, client kubernetes.Interface, now clock.PassiveClock) (*Reviewer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Reviewer{
		options:  o,
		clock:    now,
		tokens:   client.AuthenticationV1().TokenReviews(),
		accesses: client.AuthorizationV1().SubjectAccessReviews(),
		hasher:   newKeyHasher(),

		rejections: newRejections(o.CacheSize, now),
		tokenCache: newReviewCache[Caller](&o, now, func(cause error) *Error {
			return newUnavailableError(cause, "tokenreviews.authentication.k8s.io")
		}),
		accessCache: newReviewCache[struct{}](&o, now, func(cause error) *Error {
			return newUnavailableError(cause, "subjectaccessreviews.authorization.k8s.io")
		}),
	}, nil
}

func (r *Reviewer) reviewed(kind, outcome string, start time.Time) {
	if r.Metrics != nil {
		r.Metrics.Reviewed(kind, outcome, r.clock.Now().Sub(start))
	}
}

// fields returns all fields but Until in a fixed order, each list after its length.
func (c *Caller) fields() []string {
	texts := make([]string, 0, 4+len(c.Groups)+4*len(c.Extra))
	texts = append(texts, c.Name, c.UID, strconv.Itoa(len(c.Groups)))
	texts = append(texts, c.Groups...)
	for _, key := range sortedKeys(c.Extra) {
		texts = append(texts, key, strconv.Itoa(len(c.Extra[key])))
		texts = append(texts, c.Extra[key]...)
	}
	return texts
}

// size returns the approximate memory of the caller in bytes.
func (c *Caller) size() int {
	n := 0
	for _, text := range c.fields() {
		n += len(text) + 16
	}
	return n
}
