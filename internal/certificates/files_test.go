package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

// volume is a folder of a Secret as the kubelet creates it: tls.crt and tls.key
// are links through ..data, a link that is replaced to change all files at once.
type volume struct {
	folder  string
	ca      *authority
	changes int
}

func newVolume(t *testing.T) *volume {
	t.Helper()
	ca, err := newAuthority(start)
	if err != nil {
		t.Fatal(err)
	}
	v := &volume{folder: t.TempDir(), ca: ca}
	v.rotate(t)
	for _, file := range []string{"tls.crt", "tls.key"} {
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(v.folder, file)); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// rotate stores a new pair and returns its certificate.
func (v *volume) rotate(t *testing.T) *x509.Certificate {
	t.Helper()
	return v.rotateAt(t, start)
}

// rotateAt stores a pair that was created at the given time.
func (v *volume) rotateAt(t *testing.T, made time.Time) *x509.Certificate {
	t.Helper()
	leaf, key, err := v.ca.issue([]string{"localhost"}, made)
	if err != nil {
		t.Fatal(err)
	}
	text, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	v.put(t, encodeCertificates(leaf), text)
	return leaf
}

// put replaces both files at once.
func (v *volume) put(t *testing.T, certificate, key []byte) {
	t.Helper()
	data := filepath.Join(v.folder, "..data")
	before, _ := os.Readlink(data)
	v.changes++
	name := "..2026_" + strconv.Itoa(v.changes)
	for _, err := range []error{
		os.Mkdir(filepath.Join(v.folder, name), 0o700),
		os.WriteFile(filepath.Join(v.folder, name, "tls.crt"), certificate, 0o600),
		os.WriteFile(filepath.Join(v.folder, name, "tls.key"), key, 0o600),
		os.Symlink(name, data+"_tmp"),
		os.Rename(data+"_tmp", data),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if before != "" {
		if err := os.RemoveAll(filepath.Join(v.folder, before)); err != nil {
			t.Fatal(err)
		}
	}
}

// source returns a source with the files, and its log.
func (v *volume) source(t *testing.T, interval time.Duration) (*Source, *scene) {
	t.Helper()
	s := &scene{clock: testingclock.NewFakeClock(start), log: &logRecorder{}}
	o := DefaultOptions()
	o.CertFile, o.KeyFile = filepath.Join(v.folder, "tls.crt"), filepath.Join(v.folder, "tls.key")
	source, err := New(o, Dependencies{Clock: s.clock, Log: s.logger()})
	if err != nil {
		t.Fatal(err)
	}
	provider, ok := source.provider.(*files)
	if !ok {
		t.Fatalf("a %T", source.provider)
	}
	provider.interval = interval
	return source, s
}

func (v *volume) client() *http.Transport {
	pool := x509.NewCertPool()
	pool.AddCert(v.ca.cert)
	return &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12, Time: func() time.Time { return start },
	}}
}

func get(t *testing.T, transport *http.Transport, address string) error {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address, http.NoBody)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

func TestFiles_rotationUnderLoadFailsNoRequest(t *testing.T) {
	t.Parallel()
	v := newVolume(t)
	source, _ := v.source(t, fileInterval) // longer than the test: events must trigger the reloads
	if err := source.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, source)
	address := listen(t, source)
	var clients sync.WaitGroup
	var served atomic.Int64
	done := make(chan struct{})
	for i := range 4 {
		transport := v.client()
		transport.DisableKeepAlives = i%2 == 0 // new connections, and connections that are kept
		clients.Go(func() {
			defer transport.CloseIdleConnections()
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := get(t, transport, address); err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				served.Add(1)
			}
		})
	}
	for range 20 {
		before, want := served.Load(), v.rotate(t)
		await(t, "the new certificate", func() bool { return leafOf(t, source).Equal(want) })
		await(t, "requests", func() bool { return t.Failed() || served.Load() >= before+8 })
	}
	close(done)
	clients.Wait()
	state, err := dial(t, address, v.client().TLSClientConfig)
	if err != nil || !state.PeerCertificates[0].Equal(leafOf(t, source)) {
		t.Errorf("error %v, or another certificate than the last", err)
	}
}

func TestFiles_invalidPairLeavesTheCurrentOneInUse(t *testing.T) {
	t.Parallel()
	v := newVolume(t)
	first := v.rotate(t)
	source, s := v.source(t, time.Millisecond)
	if err := source.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, source)
	cases := map[string]struct {
		put     func()
		wantLog string
	}{
		"files that are not PEM": {func() { v.put(t, []byte("x"), []byte("y")) }, "failed to find any PEM data"},
		"another key":            {func() { mismatched(t, v) }, "does not match"},
		"an expired certificate": {func() { v.rotateAt(t, start.Add(-2*certificateLife)) }, "the certificate ended"},
		"missing files": {
			func() { _ = os.RemoveAll(filepath.Join(v.folder, "..2026_"+strconv.Itoa(v.changes))) }, "no such file",
		},
		"a certificate that is not valid yet": {func() { v.rotateAt(t, start.Add(day)) }, "certificate begins onl"},
	}
	for name, tc := range cases {
		tc.put()
		await(t, "log of "+name, func() bool { return s.log.count(tc.wantLog) > 0 })
		if !leafOf(t, source).Equal(first) {
			t.Fatalf("%s: not the old certificate any more", name)
		}
	}
	if s.log.count("--tls-cert-file="+v.folder) == 0 || s.log.count("replace them with a valid certificate") == 0 {
		t.Error("neither the files are named nor the fix")
	}
	want := v.rotate(t)
	await(t, "the good pair", func() bool { return leafOf(t, source).Equal(want) && s.log.count("valid again") > 0 })
}

// mismatched stores a key that does not match the certificate.
func mismatched(t *testing.T, v *volume) {
	t.Helper()
	leaf, _, err := v.ca.issue([]string{"localhost"}, start)
	if err != nil {
		t.Fatal(err)
	}
	text, err := encodeKey(v.ca.key)
	if err != nil {
		t.Fatal(err)
	}
	v.put(t, encodeCertificates(leaf), text)
}

func TestFiles_certificateOfTomorrowIsUsedTomorrow(t *testing.T) {
	t.Parallel()
	v := newVolume(t)
	source, s := v.source(t, time.Millisecond)
	if err := source.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, source)
	tomorrow := v.rotateAt(t, start.Add(day))
	await(t, "word of it", func() bool { return s.log.count("begins only at") > 0 })
	s.clock.Step(day)
	await(t, "its time", func() bool { return leafOf(t, source).Equal(tomorrow) })
}

func TestLoad_errorNamesTheProblemOfTheFiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		put  func(*testing.T, *volume)
		want string
	}{
		"no file":                             {func(_ *testing.T, v *volume) { _ = os.Remove(filepath.Join(v.folder, "..data")) }, "no such file"},
		"not PEM":                             {func(t *testing.T, v *volume) { t.Helper(); v.put(t, []byte("x"), []byte("x")) }, "failed to find any PEM data"},
		"a key of another certificate":        {mismatched, "does not match"},
		"an expired certificate":              {func(t *testing.T, v *volume) { t.Helper(); v.rotateAt(t, start.Add(-2*certificateLife)) }, "the certificate ended at 2025-03-01"},
		"a certificate that is not valid yet": {func(t *testing.T, v *volume) { t.Helper(); v.rotateAt(t, start.Add(2*day)) }, "begins only at"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVolume(t)
			c.put(t, v)
			source, _ := v.source(t, fileInterval)
			err := source.Load(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--tls-cert-file="+v.folder) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
