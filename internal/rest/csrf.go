package rest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// The answers to requests that change something without a good token (contract §5).
const (
	textNoToken     = "Missing CSRF token." //nolint:gosec // no credential
	textNoClient    = "Missing client identifier."
	textBadToken    = "Invalid CSRF token or client identifier." //nolint:gosec // no credential
	textCSRFIsOff   = "CSRF protection is disabled."
	headerToken     = "Prefect-Csrf-Token" //nolint:gosec // the name of a header
	headerClient    = "Prefect-Csrf-Client"
	tokenLife       = time.Hour
	leastKeyBytes   = 32
	mostKeyBytes    = 4096
	tokenBytes      = 32 // 64 hexadecimal digits, as clients know them
	tokenTimeBytes  = 8
	uuidBytes       = 16
	tokenProofBytes = tokenBytes - tokenTimeBytes
)

// csrf issues and checks tokens. A token has its expiration and a proof, made with the key, that it was issued for its
// client. Nothing is stored, and all replicas with the same key accept the token.
type csrf struct{ key []byte }

// newCSRF reads the key from a file. Without a file the key is random.
func newCSRF(keyFile string) (*csrf, error) {
	if keyFile == "" {
		key := make([]byte, leastKeyBytes)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("make a CSRF key: %w", err)
		}
		return &csrf{key}, nil
	}
	key, err := os.ReadFile(keyFile) //nolint:gosec // the operator names the file
	switch {
	case err != nil:
		return nil, fmt.Errorf("--rest-csrf-key-file: %w", err)
	case len(key) < leastKeyBytes || len(key) > mostKeyBytes:
		return nil, fmt.Errorf("--rest-csrf-key-file: a key has %d to %d bytes, not %d", leastKeyBytes, mostKeyBytes, len(key))
	}
	return &csrf{key}, nil
}

// token issues a token for a client.
func (c *csrf) token(client string, until time.Time) string {
	token := binary.BigEndian.AppendUint64(make([]byte, 0, tokenBytes), uint64(until.UnixMicro()))
	return hex.EncodeToString(append(token, c.proof(token, client)...))
}

// proof returns the HMAC of the expiration and the client.
func (c *csrf) proof(until []byte, client string) []byte {
	mac := hmac.New(sha256.New, c.key)
	mac.Write(until) // has always the same length, so the two cannot be mixed up
	mac.Write([]byte(client))
	return mac.Sum(nil)[:tokenProofBytes]
}

// good reports whether the token was issued for the client and has not expired.
func (c *csrf) good(token, client string, now time.Time) bool {
	raw, err := hex.DecodeString(token)
	if err != nil || len(raw) != tokenBytes {
		return false
	}
	until := raw[:tokenTimeBytes]
	proven := hmac.Equal(raw[tokenTimeBytes:], c.proof(until, client))
	return proven && now.UnixMicro() < int64(binary.BigEndian.Uint64(until)) //nolint:gosec // as it was put in
}

// checkCSRF rejects a request that changes something without a valid token, and a page of another origin that requests
// a token.
func (s *Server) checkCSRF(r *http.Request, rt *route, proxied bool) error {
	if rt != nil && rt.givesToken {
		return s.browsers.checkToken(r, proxied)
	}
	if s.csrf == nil || !changes(r.Method) {
		return nil
	}
	tokens, clients := r.Header[headerToken], r.Header[headerClient]
	switch {
	case len(tokens) == 0:
		return wire.NewDetailError(http.StatusForbidden, textNoToken)
	case len(clients) == 0:
		return wire.NewDetailError(http.StatusForbidden, textNoClient)
	case !s.csrf.good(tokens[0], clients[0], s.now()):
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

// idOf derives a UUID (version 8) from a text.
func idOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	id, _ := wire.PathID(hex.EncodeToString(sum[:uuidBytes]))
	return id
}

// checkCSRFOptions refuses a key that protects nothing.
func checkCSRFOptions(protect bool, keyFile string) error {
	if keyFile != "" && !protect {
		return errors.New("--rest-csrf-key-file needs --rest-csrf-protection")
	}
	return nil
}
