package flowwire

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/taskrun-dev/taskrun-operator/internal/flowrun"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/pyjson"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/validate"
)

// Header are the headers of a request. http.Header implements it.
type Header interface {
	Get(name string) string
	Values(name string) []string
}

// The headers that name the automation that creates a run.
const (
	headerAutomationID   = "prefect-automation-id"
	headerAutomationName = "prefect-automation-name" // base64
)

// readCreator reads the automation that creates a run, nil if the headers do not name one (flows contract §2.2).
func readCreator(faults *validate.Faults, header Header) *flowrun.Creator {
	if len(header.Values(headerAutomationID)) == 0 {
		return nil
	}
	id := faults.Node(pyjson.StringValue(header.Get(headerAutomationID)), "header", headerAutomationID).UUID()
	name := decodedName(header.Get(headerAutomationName))
	if id == "" || name == "" {
		return nil
	}
	return &flowrun.Creator{ID: id, Type: "AUTOMATION", DisplayValue: name}
}

// decodedName decodes base64 as Python does, which ignores other characters. What cannot be decoded is "".
func decodedName(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(alphabet, r) {
			return r
		}
		return -1
	}, text)
	name, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !utf8.Valid(name) {
		return ""
	}
	return string(name)
}

// grouped returns a number with a comma before every third digit.
func grouped(n int) string {
	const group = 3
	digits := strconv.Itoa(n)
	for i := len(digits) - group; i > 0; i -= group {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
