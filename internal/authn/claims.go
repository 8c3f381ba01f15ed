package authn

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// maxTime is the end of the year 9999 in seconds since 1970, the last one that a time can be written as.
const maxTime = 253402300799

// accountSubject begins the claim sub of the tokens of ServiceAccounts.
const accountSubject = "system:serviceaccount:"

// claims are the unverified claims of a JWT. A token can be rejected because of them, but never accepted. A nil *claims
// is that of an opaque token.
type claims struct {
	Subject   string     `json:"sub"`
	Audiences *audiences `json:"aud"` // nil: none
	Expires   *float64   `json:"exp"` // nil: none
	unsigned  bool
}

// claimsOf returns the claims of a token, or nil if it is not a JWT.
func claimsOf(token string) *claims {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	var header struct{}
	c := &claims{unsigned: parts[2] == ""}
	if decodePart(parts[0], &header) != nil || decodePart(parts[1], c) != nil {
		return nil
	}
	return c
}

// decodePart reads a part of a JWT, which is a JSON object.
func decodePart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		return errors.New("no JSON object")
	}
	return json.Unmarshal(text, into)
}

// audiences are the claim aud: a text or a list of texts.
type audiences []string

// UnmarshalJSON reads both spellings.
func (a *audiences) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*a = audiences{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// expiry returns the expiry of the token, or zero if it has none.
func (c *claims) expiry() time.Time {
	if c == nil || c.Expires == nil || *c.Expires < 0 || *c.Expires > maxTime {
		return time.Time{}
	}
	return time.Unix(int64(*c.Expires), 0)
}

// expiry returns the expiry of a token, or zero if it is not a JWT or has none.
func expiry(token string) time.Time { return claimsOf(token).expiry() }

// ofAccount reports whether the token claims to be one of a ServiceAccount. The API server compares its audiences with
// those of the review. The meaning of other issuers' audiences, such as the client id of OpenID Connect, depends on the
// configuration of the API server.
func (c *claims) ofAccount() bool {
	return c.Subject == "" || strings.HasPrefix(c.Subject, accountSubject)
}

// checkClaims rejects a JWT that the API server would certainly reject, without a review.
func (r *Reviewer) checkClaims(token string) error {
	c := claimsOf(token)
	switch {
	case c == nil:
		return nil
	case c.unsigned:
		return newError(ErrUnauthenticated, nil, "the token has no signature: %s", r.tokenHint())
	case c.Audiences != nil && c.ofAccount() && !slices.ContainsFunc(*c.Audiences, r.isOurs):
		return newError(ErrUnauthenticated, nil, "the token is for another audience: %s", r.tokenHint())
	default:
		return r.checkExpiry(c.expiry())
	}
}

func (r *Reviewer) isOurs(audience string) bool {
	return slices.Contains(r.options.Audiences, audience)
}

// checkExpiry rejects a token that expired longer ago than Options.ClockSkew.
func (r *Reviewer) checkExpiry(expires time.Time) error {
	now := r.clock.Now()
	if expires.IsZero() || now.Before(expires.Add(r.options.ClockSkew)) {
		return nil
	}
	return newError(ErrUnauthenticated, errors.New("by this machine's clock: if the token should be good, the clocks differ"),
		"the token expired at %s, and it is %s here: %s",
		expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), r.tokenHint())
}
