package certificates

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSource_clientThatTrustsThePublishedCAIsServed(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	a := s.running(t)
	address := listen(t, a)
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: s.pool(t), ServerName: "taskrun-rest.ns.svc", Time: s.clock.Now, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "HTTP/2.0" {
		t.Errorf("answer %q, error %v", body, err)
	}
	stranger := &tls.Config{ServerName: "localhost", Time: s.clock.Now, MinVersion: tls.VersionTLS12}
	if _, err := dial(t, address, stranger); err == nil {
		t.Error("a client without the CA was content")
	}
	other := &tls.Config{RootCAs: s.pool(t), ServerName: "other.example", Time: s.clock.Now, MinVersion: tls.VersionTLS12}
	if _, err := dial(t, address, other); err == nil {
		t.Error("a client that asks for another name was content")
	}
}

func TestSource_negotiatedVersionsAndProtocols(t *testing.T) {
	t.Parallel()
	type agreed struct {
		Version  uint16
		Protocol string
		Refused  bool
	}
	for name, c := range map[string]struct {
		least     uint16
		newest    uint16
		protocols []string
		want      agreed
	}{
		"1.3 by default":                       {tls.VersionTLS12, 0, nil, agreed{Version: tls.VersionTLS13}},
		"1.2 if the client needs it":           {tls.VersionTLS12, tls.VersionTLS12, nil, agreed{Version: tls.VersionTLS12}},
		"1.1 is refused":                       {tls.VersionTLS12, tls.VersionTLS11, nil, agreed{Refused: true}},
		"1.2 is refused with a minimum of 1.3": {tls.VersionTLS13, tls.VersionTLS12, nil, agreed{Refused: true}},
		"1.3 with a minimum of 1.3":            {tls.VersionTLS13, 0, nil, agreed{Version: tls.VersionTLS13}},
		"h2 whatever order the client offers": {
			tls.VersionTLS12, 0,
			[]string{"http/1.1", "h2"},
			agreed{Version: tls.VersionTLS13, Protocol: "h2"},
		},
		"HTTP/1.1 for websockets": {
			tls.VersionTLS12, 0,
			[]string{"http/1.1"},
			agreed{Version: tls.VersionTLS13, Protocol: "http/1.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newScene(t)
			o := DefaultOptions()
			o.SelfSigned, o.MinVersion = true, c.least
			source, err := New(o, s.dependencies())
			if err != nil {
				t.Fatal(err)
			}
			if err := source.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			state, err := dial(t, listen(t, source), &tls.Config{
				RootCAs: s.pool(t), ServerName: "localhost", Time: s.clock.Now,
				MinVersion: tls.VersionTLS10, MaxVersion: c.newest, NextProtos: c.protocols,
			})
			if err != nil && !strings.Contains(err.Error(), "protocol version") {
				t.Errorf("refused for another reason: %v", err)
			}
			got := agreed{Version: state.Version, Protocol: state.NegotiatedProtocol, Refused: err != nil}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (error %v)", diff, err)
			}
		})
	}
}

func TestSource_servesNothingBeforeLoad(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	source := s.replica(t)
	if _, err := source.TLSConfig().GetCertificate(nil); err == nil || !source.NotAfter().IsZero() {
		t.Error("there is a certificate before Load")
	}
	if source.NeedLeaderElection() {
		t.Error("only the leader would have a certificate")
	}
}

func TestStart_followsTheSecretUntilItIsStopped(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	a := s.replica(t)
	provider, ok := a.provider.(*selfSigned)
	if !ok {
		t.Fatal("another provider")
	}
	provider.interval = time.Millisecond
	stop := run(t, a)
	await(t, "the first certificate", func() bool { return !a.NotAfter().IsZero() })
	first := leafOf(t, a)
	s.ask(t, renewCertificate)
	await(t, "a new certificate", func() bool { return !leafOf(t, a).Equal(first) })
	stop()
}

func TestReport_problemAndItsEndAreLoggedOnce(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	a := s.running(t)
	const problem, end = "needs attention", "valid again"
	for range 3 {
		a.current.report(t.Context(), nil)
	}
	if s.log.count(problem)+s.log.count(end) != 0 {
		t.Error("told though nothing was wrong")
	}
	s.clock.Step(366 * day)
	for range 3 {
		a.current.report(t.Context(), nil)
	}
	if s.log.count(problem) != 1 || s.log.count("the certificate ended at 2027-03-01T12:00:00Z") != 1 {
		t.Errorf("told %d times that it ended", s.log.count(problem))
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	a.current.report(stopped, context.Canceled)
	mustLook(t, a)
	a.current.report(t.Context(), nil)
	if s.log.count(problem) != 1 || s.log.count(end) != 1 {
		t.Errorf("the end was told %d times, problems %d times", s.log.count(end), s.log.count(problem))
	}
}
