package rest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// apiVersion is the version of the REST interface; leastAPIVersion is the
// lowest that a client may ask for (contract §5).
const apiVersion = "0.8.4"

var leastAPIVersion = []int{0, 8, 0}

const headerAPIVersion = "X-Prefect-Api-Version"

// checkAPIVersion rejects clients of versions that are too old. A client without the header is accepted.
func checkAPIVersion(header http.Header) error {
	asked := header.Get(headerAPIVersion)
	if asked == "" {
		return nil
	}
	version, ok := parseAPIVersion(asked)
	if !ok {
		return wire.NewDetailError(http.StatusBadRequest, "Invalid X-PREFECT-API-VERSION header format."+
			"Expected header in format 'x.y.z' but received "+asked)
	}
	if slices.Compare(version, leastAPIVersion) < 0 {
		return wire.NewDetailError(http.StatusBadRequest, "The request specified API version "+asked+
			" but this server requires version 0.8.0 or higher.")
	}
	return nil
}

// parseAPIVersion reads three integers, which can be negative. An integer that is too large becomes the largest one.
func parseAPIVersion(s string) ([]int, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != len(leastAPIVersion) {
		return nil, false
	}
	version := make([]int, len(parts))
	for i, part := range parts {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, false
		}
		version[i] = n
	}
	return version, true
}
