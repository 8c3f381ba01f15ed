package authn

import (
	"strconv"
	"time"

	"k8s.io/client-go/kubernetes"
	authenticationclient "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationclient "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/utils/clock"
)

// Caller is who asks. Those that Door returns are shared: what is in them must not be changed.
type Caller struct {
	// Name is the name of the user in Kubernetes: system:serviceaccount:NAMESPACE:NAME, or a user's name.
	Name string
	// UID tells apart those who had one name at different times. It may be empty.
	UID    string
	Groups []string
	Extra  map[string][]string
	// Until is the time at which the credentials are no longer valid: the expiration of the token, and
	// Options.ClockSkew longer. Zero: not known.
	Until time.Time
}

// Metrics hears of questions to the API server; those answered from memory are none.
type Metrics interface {
	// Reviewed hears that the API server was asked. kind is "token" or "access", outcome is "accepted" or "rejected" (of
	// a token), "allowed" or "denied" (of an access) or "error"; took is the time until the answer.
	Reviewed(kind, outcome string, took time.Duration)
}

// Door lets in whom the API server knows, for what it allows. Its methods are for any number of goroutines.
type Door struct {
	// Metrics may be set before the first use; nil for none.
	Metrics Metrics

	options     Options
	clock       clock.PassiveClock
	tokens      authenticationclient.TokenReviewInterface
	accesses    authorizationclient.SubjectAccessReviewInterface
	sealer      sealer
	identities  *memory[Caller]
	permissions *memory[struct{}]
	rejections  *rejections
}

// New returns a door that asks with client, whose rate should not be limited: Options.MaxReviews bounds the questions.
// It returns the error of Options.Validate.
func New(o Options, client kubernetes.Interface, now clock.PassiveClock) (*Door, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Door{
		options:  o,
		clock:    now,
		tokens:   client.AuthenticationV1().TokenReviews(),
		accesses: client.AuthorizationV1().SubjectAccessReviews(),
		sealer:   newSealer(),

		rejections: newRejections(o.CacheSize, now),
		identities: newMemory[Caller](&o, now, func(cause error) *Error {
			return unavailable(cause, "tokenreviews.authentication.k8s.io")
		}),
		permissions: newMemory[struct{}](&o, now, func(cause error) *Error {
			return unavailable(cause, "subjectaccessreviews.authorization.k8s.io")
		}),
	}, nil
}

func (d *Door) reviewed(kind, outcome string, start time.Time) {
	if d.Metrics != nil {
		d.Metrics.Reviewed(kind, outcome, d.clock.Now().Sub(start))
	}
}

// texts are all that a caller is, in an order of its own, with the number of values before the values. Until is no part
// of him.
func (c *Caller) texts() []string {
	texts := make([]string, 0, 4+len(c.Groups)+4*len(c.Extra))
	texts = append(texts, c.Name, c.UID, strconv.Itoa(len(c.Groups)))
	texts = append(texts, c.Groups...)
	for _, key := range sortedKeys(c.Extra) {
		texts = append(texts, key, strconv.Itoa(len(c.Extra[key])))
		texts = append(texts, c.Extra[key]...)
	}
	return texts
}

// bytes is about the memory that the caller takes.
func (c *Caller) bytes() int {
	n := 0
	for _, text := range c.texts() {
		n += len(text) + 16
	}
	return n
}
