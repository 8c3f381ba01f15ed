package rest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
)

// apiVersion is the version of the REST interface; minAPIVersion is the
// lowest that a client can request (contract §5).
const apiVersion = "0.8.4"

var minAPIVersion = []int{0, 8, 0}

const headerAPIVersion = "X-Prefect-Api-Version"

// checkAPIVersion rejects clients of versions that are too old. A client without the header is accepted.
func checkAPIVersion(header http.Header) error {
	requested := header.Get(headerAPIVersion)
	if requested == "" {
		return nil
	}
	version, ok := parseAPIVersion(requested)
	if !ok {
		return wire.NewDetailError(http.StatusBadRequest, "Invalid X-PREFECT-API-VERSION header format."+
			"Expected header in format 'x.y.z' but received "+requested)
	}
	if slices.Compare(version, minAPIVersion) < 0 {
		return wire.NewDetailError(http.StatusBadRequest, "The request specified API version "+requested+
			" but this server requires version 0.8.0 or higher.")
	}
	return nil
}

// parseAPIVersion parses three integers, which can be negative. An integer that is too large becomes the maximum.
func parseAPIVersion(s string) ([]int, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != len(minAPIVersion) {
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
