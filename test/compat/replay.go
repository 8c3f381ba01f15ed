package compat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// pollPause is the pause between two attempts of a step that polls.
	pollPause = 300 * time.Millisecond
	// answerLimit is the maximum size of a response, in bytes.
	answerLimit = 64 << 20
	// requestLimit is the timeout of one exchange.
	requestLimit = time.Minute
)

// Player replays cases against a server.
type Player struct {
	// Base is the URL of the API. It ends in /api.
	Base string
	// Strict distinguishes 0 from 0.0 in responses. Otherwise they are equal.
	Strict bool
	// Patience is the minimum timeout for expected frames and responses. It overrides shorter recorded timeouts,
	// because the cases were recorded on an idle machine. The wait for frames that must not arrive takes the
	// recorded time.
	Patience time.Duration
}

// Play replays one case on its own connections. The error names the first step whose outcome differs from the
// recorded one, and the difference.
func (p *Player) Play(ctx context.Context, c *Case) error {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	s := &conversation{
		strict:  p.Strict,
		patient: p.Patience,
		vars:    newVariables(p.Base),
		sockets: map[string]*socket{},
		client: &http.Client{
			Transport: transport, Timeout: requestLimit,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	defer s.hangUp()
	steps := withoutLastWaits(c.Steps)
	for i := range steps {
		if err := s.step(ctx, &steps[i]); err != nil {
			return fmt.Errorf("step %d of %d%s: %w", i+1, len(steps), comment(steps[i].Name), err)
		}
	}
	return nil
}

// withoutLastWaits omits waits at the end of a case. They only gave the recorded server time to become idle.
func withoutLastWaits(steps []Step) []Step {
	for len(steps) > 0 && steps[len(steps)-1].Sleep != nil {
		steps = steps[:len(steps)-1]
	}
	return steps
}

func comment(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// conversation is one replay in progress.
type conversation struct {
	strict  bool
	patient time.Duration
	vars    *variables
	client  *http.Client

	sockets   map[string]*socket
	listening sync.WaitGroup
}

func (s *conversation) step(ctx context.Context, step *Step) error {
	switch {
	case step.Request != nil && step.Response != nil:
		return s.exchange(ctx, step)
	case step.Sleep != nil:
		return pause(ctx, seconds(*step.Sleep))
	case step.WS != "":
		return s.act(ctx, step)
	default:
		return errors.New("a step of an unknown kind")
	}
}

// limit returns the timeout for an expected frame or response.
func (s *conversation) limit(recorded float64) time.Duration {
	return max(seconds(recorded), s.patient)
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// exchange sends a request and compares the response. If the step polls, exchange repeats it until the response
// matches.
func (s *conversation) exchange(ctx context.Context, step *Step) error {
	var deadline <-chan time.Time
	if step.Poll != nil {
		deadline = time.After(s.limit(step.Poll.Seconds))
	}
	prepared, err := s.prepare(step.Request)
	if err != nil {
		return err
	}
	for {
		err := s.tryOnce(ctx, step, prepared)
		if err == nil || step.Poll == nil {
			return err
		}
		select {
		case <-deadline:
			return fmt.Errorf("no match within %s: %w", s.limit(step.Poll.Seconds), err)
		default:
		}
		if err := pause(ctx, pollPause); err != nil {
			return err
		}
	}
}

// prepared is a request in which all names have values.
type prepared struct {
	method, url string
	headers     map[string]string
	body        *string
}

func (s *conversation) prepare(r *Request) (prepared, error) {
	path, err := s.vars.fill(r.Path)
	if err != nil {
		return prepared{}, err
	}
	p := prepared{method: r.Method, url: s.vars.base + path, headers: map[string]string{}}
	if r.Root {
		p.url = strings.TrimSuffix(s.vars.base, "/api") + path
	}
	for name, value := range r.Headers {
		if p.headers[name], err = s.vars.fill(value); err != nil {
			return prepared{}, err
		}
	}
	p.body, err = s.body(r)
	return p, err
}

func (s *conversation) body(r *Request) (*string, error) {
	switch {
	case r.Raw != nil:
		text, err := s.vars.fill(*r.Raw)
		return &text, err
	case r.Body != nil:
		n, err := decode(r.Body)
		if err != nil {
			return nil, err
		}
		filled, err := s.vars.fillNode(n)
		if err != nil {
			return nil, err
		}
		text := filled.String()
		return &text, nil
	default:
		return nil, nil //nolint:nilnil // nil means no body
	}
}

// tryOnce sends the request and compares the response. It binds names only if the whole response matches.
func (s *conversation) tryOnce(ctx context.Context, step *Step, p prepared) error {
	got, err := s.send(ctx, p)
	if err != nil {
		return err
	}
	m := &matcher{vars: s.vars.clone(), strict: s.strict, unordered: step.Unordered}
	m.matchAnswer(step, got)
	if len(m.faults) > 0 {
		return &MismatchError{Request: p.method + " " + p.url, Sent: p.body, Faults: m.faults, Status: got.status, Answer: string(got.body)}
	}
	s.vars = m.vars
	return nil
}

// answer is a received response.
type answer struct {
	status  int
	headers http.Header
	body    []byte
}

func (s *conversation) send(ctx context.Context, p prepared) (*answer, error) {
	var body io.Reader = http.NoBody
	if p.body != nil {
		body = strings.NewReader(*p.body)
	}
	request, err := http.NewRequestWithContext(ctx, p.method, p.url, body)
	if err != nil {
		return nil, fmt.Errorf("preparing %s %s: %w", p.method, p.url, err)
	}
	for name, value := range p.headers {
		request.Header.Set(name, value)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("sending: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", p.method, p.url, err)
	}
	return &answer{status: response.StatusCode, headers: response.Header, body: text}, nil
}

// matchAnswer compares status, headers, body and ranges.
func (m *matcher) matchAnswer(step *Step, got *answer) {
	want := step.Response
	if want.Status != got.status {
		m.fault("status", "want %d, got %d", want.Status, got.status)
	}
	for name, value := range want.Headers {
		m.matchHeader(name, value, got.headers.Get(name))
	}
	if want.Body == nil {
		text := ""
		if want.Text != nil {
			text = *want.Text
		}
		m.matchString("body", text, textNode(string(got.body)))
		return
	}
	m.matchBody(step, got)
}

func (m *matcher) matchHeader(name, want, got string) {
	if strings.EqualFold(name, "content-type") {
		want, got = mediaType(want), mediaType(got)
	}
	m.matchString("header "+name, want, textNode(got))
}

func mediaType(value string) string {
	if parsed, _, err := mime.ParseMediaType(value); err == nil {
		return parsed
	}
	return value
}

func (m *matcher) matchBody(step *Step, got *answer) {
	whole, err := decode(got.body)
	if err != nil {
		m.fault("body", "%v", err)
		return
	}
	want, err := decode(step.Response.Body)
	if err != nil {
		m.fault("recorded body", "%v", err)
		return
	}
	compared := whole
	if step.Pick != nil && got.status < http.StatusBadRequest {
		compared = whole.pick(step.Pick)
	}
	m.match("", want, compared)
	for _, r := range step.Ranges {
		m.matchRange(r, whole)
	}
}

// matchRange examines the whole response, also if only some keys were picked.
func (m *matcher) matchRange(r Range, whole *node) {
	number, err := r.measure(whole)
	switch {
	case err != nil:
		m.fault(r.At, "%v", err)
	case number < r.Min || number > r.Max:
		m.fault(r.At, "want a number from %g to %g, got %g", r.Min, r.Max, number)
	}
}

func (r Range) measure(whole *node) (float64, error) {
	if r.Minus == nil {
		n := whole.at(r.At)
		if n == nil || n.kind != kindNumber {
			return 0, errors.New("there is no number")
		}
		return strconv.ParseFloat(n.text, 64)
	}
	to, err := timeAt(whole, r.At)
	if err != nil {
		return 0, err
	}
	from, err := timeAt(whole, *r.Minus)
	if err != nil {
		return 0, err
	}
	return to.Sub(from).Seconds(), nil
}

func timeAt(whole *node, pointer string) (time.Time, error) {
	n := whole.at(pointer)
	if n == nil || n.kind != kindString {
		return time.Time{}, fmt.Errorf("there is no time at %s", pointer)
	}
	return time.Parse(time.RFC3339Nano, n.text)
}

// MismatchError describes the differences between a response and the recorded one.
type MismatchError struct {
	// Request is the method and URL. Sent is the request body, nil if there was none.
	Request string
	Sent    *string
	// Faults lists the differences, each with its position.
	Faults []string
	Status int
	Answer string
}

func (e *MismatchError) Error() string {
	sent := ""
	if e.Sent != nil {
		sent = "\n  sent: " + cut(*e.Sent)
	}
	return fmt.Sprintf("%s%s\n  got %d: %s\n  - %s", e.Request, sent, e.Status, cut(e.Answer), strings.Join(e.Faults, "\n  - "))
}

func cut(text string) string {
	const limit = 1500
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "…"
}
