package crdschema

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

const (
	// interval is the time between two reads of the CRDs.
	interval = 10 * time.Second
	// retryInterval is the time after a failed read.
	retryInterval = 2 * time.Second
	// callTimeout limits one read.
	callTimeout = 10 * time.Second
	// maxDocument limits the size of the API server's document.
	maxDocument = 32 << 20
	// maxNamed is the maximum number of differences in a message.
	maxNamed = 20
)

// Options configure a Check.
type Options struct {
	Client  *http.Client // authenticates at the API server
	Server  *url.URL     // the API server
	Group   string       // of the kinds
	Version string
	Log     *slog.Logger
}

// Check compares the installed CRDs with those of this version, at its start and after
// each change. It reads the API server's OpenAPI document of the kinds,
// which every authenticated client can read, and which the API server sends only
// if it has changed.
type Check struct {
	Options

	needed map[string]schema
	tag    string // of the latest compared document
	failed bool   // the latest read failed, and that was logged

	mu    sync.Mutex
	asked bool // after the first read, with or without success
	lacks []string
}

// New returns a Check.
func New(o Options) (*Check, error) {
	kinds, err := needed(o.Group, o.Version)
	if err != nil {
		return nil, err
	}
	return &Check{Options: o, needed: kinds}, nil
}

// NeedLeaderElection returns false: every replica compares the CRDs.
func (c *Check) NeedLeaderElection() bool { return false }

// Start compares until the context ends.
func (c *Check) Start(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if c.refresh(ctx) {
			timer.Reset(interval)
		} else {
			timer.Reset(retryInterval)
		}
	}
}

// Ready returns an error that wraps taskrun.ErrUnavailable if the installed CRDs
// lack something, and nil while the installed CRDs are unknown.
func (c *Check) Ready() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.asked:
		return fmt.Errorf("%w: the installed CRDs have not been compared with this version yet", taskrun.ErrUnavailable)
	case len(c.lacks) > 0:
		return &taskrun.UnfitError{Reason: "the installed CRDs do not fit this version of the operator: " + strings.Join(named(c.lacks), ", ") +
			". Apply the CRDs of this version (config/crd)"}
	default:
		return nil
	}
}

// named returns a list, truncated to maxNamed entries.
func named(lacks []string) []string {
	if len(lacks) <= maxNamed {
		return lacks
	}
	return append(slices.Clone(lacks[:maxNamed]), fmt.Sprintf("and %d more", len(lacks)-maxNamed))
}

// refresh reads the CRDs once, and reports whether they are known and lack nothing.
func (c *Check) refresh(ctx context.Context) bool {
	document, err := c.fetch(ctx)
	var lacks []string
	if err == nil && document != nil {
		lacks, err = c.compare(document)
	}
	c.reportFailure(ctx, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = true
	if err == nil && document != nil {
		c.report(ctx, lacks)
		c.lacks = lacks
	}
	return err == nil && len(c.lacks) == 0
}

func (c *Check) compare(document []byte) ([]string, error) {
	kinds, err := installed(document, c.Group, c.Version)
	if err != nil {
		c.tag = "" // to be read again
		return nil, err
	}
	return differences(c.needed, kinds), nil
}

// fetch reads the document. It returns nil if the document has not changed.
func (c *Check) fetch(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	address := c.Server.JoinPath("openapi", "v3", "apis", c.Group, c.Version).String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if c.tag != "" {
		request.Header.Set("If-None-Match", c.tag)
	}
	response, err := c.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	switch response.StatusCode {
	case http.StatusNotModified:
		return nil, nil //nolint:nilnil // unchanged
	case http.StatusOK:
	default:
		return nil, errors.New("the API server returned " + response.Status)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxDocument))
	if err == nil {
		c.tag = response.Header.Get("ETag")
	}
	return document, err
}

// reportFailure logs the first of successive failures, and the recovery.
func (c *Check) reportFailure(ctx context.Context, err error) {
	switch failed := err != nil; {
	case ctx.Err() != nil: // shutdown
	case failed && !c.failed:
		c.failed = true
		c.Log.LogAttrs(ctx, slog.LevelWarn, "reading the schemas of the installed CRDs failed, retrying", slog.Any("error", err))
	case !failed && c.failed:
		c.failed = false
		c.Log.LogAttrs(ctx, slog.LevelInfo, "reading the schemas of the installed CRDs succeeded again")
	}
}

// report logs the lacking fields after a change.
func (c *Check) report(ctx context.Context, lacks []string) {
	switch {
	case slices.Equal(lacks, c.lacks):
	case len(lacks) == 0:
		c.Log.LogAttrs(ctx, slog.LevelInfo, "installed CRDs fit this version")
	default:
		c.Log.LogAttrs(ctx, slog.LevelError, "installed CRDs do not fit this version, apply the CRDs of this version (config/crd)",
			slog.Int("count", len(lacks)), slog.Any("fields", named(lacks)))
	}
}
