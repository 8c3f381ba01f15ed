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

// claims are those of a JWT that are looked at before its signature is verified. They prove nothing: a token is rejected
// by them, and never accepted. A nil *claims is that of an opaque token.
type claims struct {
	Subject   string     `json:"sub"`
	Audiences *audiences `json:"aud"` // nil: none
	Expires   *float64   `json:"exp"` // nil: none
	unsigned  bool
}

// claimsOf reads the claims of a token, nil if it is no JWT.
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

// expiry is when the token expires, zero if it does not say so.
func (c *claims) expiry() time.Time {
	if c == nil || c.Expires == nil || *c.Expires < 0 || *c.Expires > maxTime {
		return time.Time{}
	}
	return time.Unix(int64(*c.Expires), 0)
}

// expiry returns when a token expires, zero if it is no JWT or says nothing.
func expiry(token string) time.Time { return claimsOf(token).expiry() }

// ofAccount reports whether the token is meant to be one of a ServiceAccount. The API server compares its audiences with
// those that are asked for. Audiences of other issuers, such as the client id of OpenID Connect, mean what the API
// server is configured to take them for.
func (c *claims) ofAccount() bool {
	return c.Subject == "" || strings.HasPrefix(c.Subject, accountSubject)
}

// checkClaims rejects a JWT that the API server would reject for certain, without asking.
func (d *Door) checkClaims(token string) error {
	c := claimsOf(token)
	switch {
	case c == nil:
		return nil
	case c.unsigned:
		return refuse(ErrUnauthenticated, nil, "the token has no signature: %s", d.howToGetOne())
	case c.Audiences != nil && c.ofAccount() && !slices.ContainsFunc(*c.Audiences, d.isOurs):
		return refuse(ErrUnauthenticated, nil, "the token is for another audience: %s", d.howToGetOne())
	default:
		return d.checkExpiry(c.expiry())
	}
}

func (d *Door) isOurs(audience string) bool { return slices.Contains(d.options.Audiences, audience) }

// checkExpiry rejects a token whose expiry has passed, and the skew of clocks with it.
func (d *Door) checkExpiry(expires time.Time) error {
	now := d.clock.Now()
	if expires.IsZero() || now.Before(expires.Add(d.options.ClockSkew)) {
		return nil
	}
	return refuse(ErrUnauthenticated, errors.New("by this machine's clock: if the token should be good, the clocks differ"),
		"the token expired at %s, and it is %s here: %s",
		expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), d.howToGetOne())
}
