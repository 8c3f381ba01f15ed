package crossorigin

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// TokenLifetime is the time for which a token is valid.
const TokenLifetime = time.Hour

// The headers of requests that change data.
const (
	HeaderToken  = "Prefect-Csrf-Token" //nolint:gosec // the name of a header
	HeaderClient = "Prefect-Csrf-Client"
)

// The responses to requests that change data without a valid token (contract §5).
const (
	textNoToken  = "Missing CSRF token." //nolint:gosec // no credential
	textNoClient = "Missing client identifier."
	textBadToken = "Invalid CSRF token or client identifier." //nolint:gosec // no credential
)

const (
	minKeyBytes    = 32
	maxKeyBytes    = 4096
	tokenBytes     = 32 // 64 hexadecimal digits, the length that clients expect
	tokenTimeBytes = 8
	tokenMACBytes  = tokenBytes - tokenTimeBytes
	uuidBytes      = 16
)

// Tokens issues and checks CSRF tokens. A token contains its expiration and a MAC of the expiration and the client.
// No state is stored, so all replicas with the same key accept the token.
type Tokens struct{ key []byte }

// NewTokens reads the key from a file. Without a file the key is random.
func NewTokens(keyFile string) (*Tokens, error) {
	if keyFile == "" {
		key := make([]byte, minKeyBytes)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("create a CSRF key: %w", err)
		}
		return &Tokens{key}, nil
	}
	key, err := os.ReadFile(keyFile) //nolint:gosec // the user names the file
	switch {
	case err != nil:
		return nil, fmt.Errorf("--rest-csrf-key-file: %w", err)
	case len(key) < minKeyBytes || len(key) > maxKeyBytes:
		return nil, fmt.Errorf("--rest-csrf-key-file: the key must have %d to %d bytes, not %d", minKeyBytes, maxKeyBytes, len(key))
	}
	return &Tokens{key}, nil
}

// Issue returns a token for a client that is valid until a time.
func (t *Tokens) Issue(client string, until time.Time) string {
	token := binary.BigEndian.AppendUint64(make([]byte, 0, tokenBytes), uint64(until.UnixMicro()))
	return hex.EncodeToString(append(token, t.mac(token, client)...))
}

// mac returns the HMAC of the expiration and the client.
func (t *Tokens) mac(until []byte, client string) []byte {
	mac := hmac.New(sha256.New, t.key)
	mac.Write(until) // has a fixed length, so that the two cannot be confused
	mac.Write([]byte(client))
	return mac.Sum(nil)[:tokenMACBytes]
}

// valid reports whether the token was issued for the client and has not expired.
func (t *Tokens) valid(token, client string, now time.Time) bool {
	raw, err := hex.DecodeString(token)
	if err != nil || len(raw) != tokenBytes {
		return false
	}
	until := raw[:tokenTimeBytes]
	authentic := hmac.Equal(raw[tokenTimeBytes:], t.mac(until, client))
	return authentic && now.UnixMicro() < int64(binary.BigEndian.Uint64(until)) //nolint:gosec // Issue has written the value
}

// Check returns the error for a request that changes data without a valid token. nil Tokens accept all requests.
func (t *Tokens) Check(r *http.Request, now time.Time) error {
	if t == nil || !changes(r.Method) {
		return nil
	}
	tokens, clients := r.Header[HeaderToken], r.Header[HeaderClient]
	switch {
	case len(tokens) == 0:
		return wire.NewDetailError(http.StatusForbidden, textNoToken)
	case len(clients) == 0:
		return wire.NewDetailError(http.StatusForbidden, textNoClient)
	case !t.valid(tokens[0], clients[0], now):
		return wire.NewDetailError(http.StatusForbidden, textBadToken)
	default:
		return nil
	}
}

// changes reports whether requests of the method need a token.
func changes(method string) bool {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	default:
		return false
	}
}

// TokenID returns the id of a token, a UUID of version 8.
func TokenID(token string) string {
	sum := sha256.Sum256([]byte(token))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	id, _ := wire.PathID(hex.EncodeToString(sum[:uuidBytes]))
	return id
}
