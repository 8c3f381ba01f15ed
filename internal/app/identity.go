package app

import (
	"crypto/rand"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// invalidCharacters are the characters that are not allowed in the name of an object.
var invalidCharacters = regexp.MustCompile(`[^a-z0-9-]+`)

// newIdentity returns a unique name for this replica.
func newIdentity() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("the name of this host: %w", err)
	}
	return identityFrom(host, rand.Text()), nil
}

// identityFrom returns an object name from a host name and a random text.
func identityFrom(host, chance string) string {
	const longest = 40
	host = strings.Trim(invalidCharacters.ReplaceAllString(strings.ToLower(host), "-"), "-")
	return "taskrun-operator-" + strings.Trim(host[:min(len(host), longest)], "-") + "-" + strings.ToLower(chance[:10])
}
