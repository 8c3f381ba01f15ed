package app

import (
	"crypto/rand"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// unfit are the characters that the name of an object cannot have.
var invalidCharacters = regexp.MustCompile(`[^a-z0-9-]+`)

// newIdentity names this replica, as no other one is or was named.
func newIdentity() (string, error) {
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("the name of this host: %w", err)
	}
	return identityFrom(host, rand.Text()), nil
}

// identityOf is a name for an object made of the two.
func identityFrom(host, chance string) string {
	const longest = 40
	host = strings.Trim(invalidCharacters.ReplaceAllString(strings.ToLower(host), "-"), "-")
	return "taskrun-operator-" + strings.Trim(host[:min(len(host), longest)], "-") + "-" + strings.ToLower(chance[:10])
}
