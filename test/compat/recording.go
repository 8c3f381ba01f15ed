package compat

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// format is the supported version of the file format.
const format = 1

// Case is one recorded conversation.
type Case struct {
	Format   int      `json:"format"`
	Name     string   `json:"name"`
	Area     string   `json:"area"`
	Title    string   `json:"title"`
	Tags     []string `json:"tags"`
	Recorded string   `json:"recorded"`
	Steps    []Step   `json:"steps"`
}

// Step is one exchange, one action on a websocket, or a pause. Its keys determine which.
type Step struct {
	Name     string    `json:"name"`
	Request  *Request  `json:"request"`
	Response *Response `json:"response"`
	// Sleep is a pause in seconds.
	Sleep *float64 `json:"sleep"`

	// WS is an action on the websocket that Socket names: open it at Path, send JSON or Text, or wait for
	// Seconds.
	WS           string          `json:"ws"`
	Socket       string          `json:"socket"`
	Path         string          `json:"path"`
	Subprotocols []string        `json:"subprotocols"`
	JSON         json.RawMessage `json:"json"`
	Text         *string         `json:"text"`
	Seconds      float64         `json:"seconds"`
	// AnyClose accepts any end of the connection.
	AnyClose bool    `json:"any_close"`
	Expect   *Expect `json:"expect"`

	Pick      []string `json:"pick"`
	Unordered []string `json:"unordered"`
	Ranges    []Range  `json:"ranges"`
	Poll      *Poll    `json:"poll"`
}

// Request is a request to send. Without Body and Raw, the request has no body.
type Request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	Raw     *string           `json:"raw"`
	// Root means that the path begins at the root of the server instead of its /api.
	Root bool `json:"root"`
}

// Response is the expected response. Without Body and Text, the body must be empty.
type Response struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	Text    *string           `json:"text"`
}

// Range limits a number in the response, or the seconds from the time at Minus to the time at At.
type Range struct {
	At    string  `json:"at"`
	Minus *string `json:"minus"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
}

// Poll repeats a step until it matches, for at most this number of seconds.
type Poll struct {
	Seconds float64 `json:"seconds"`
}

// Has reports whether the case carries the tag.
func (c *Case) Has(tag string) bool { return slices.Contains(c.Tags, tag) }

// Load reads every case below a folder, in path order.
func Load(folder string) ([]*Case, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("looking for recordings in %s: %w", folder, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no recordings in %s", folder)
	}
	cases := make([]*Case, 0, len(files))
	for _, file := range files {
		c, err := load(file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

func load(file string) (*Case, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a file of the test
	if err != nil {
		return nil, err
	}
	c := &Case{}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, err
	}
	if c.Format != format {
		return nil, fmt.Errorf("its format is %d, not %d", c.Format, format)
	}
	if len(c.Steps) == 0 {
		return nil, errors.New("it has no steps")
	}
	return c, nil
}
