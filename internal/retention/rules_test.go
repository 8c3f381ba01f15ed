package retention

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
)

// scene is Rules with its recorded calls.
type scene struct {
	*Rules
	log     strings.Builder
	invalid []Invalid
	changed []string
}

func newScene(standard time.Duration) *scene {
	s := &scene{}
	s.Rules = newRules(standard, slog.New(slog.NewTextHandler(&s.log, nil)), func(i Invalid) { s.invalid = append(s.invalid, i) })
	s.OnChange(func(namespace string) { s.changed = append(s.changed, namespace) })
	return s
}

// ttl returns the rule of a namespace in words.
func (s *scene) ttl(namespace string) string {
	switch ttl, known := s.FinishedTTL(namespace); {
	case !known:
		return "unknown"
	case ttl == nil:
		return "keep"
	default:
		return ttl.String()
	}
}

func annotated(value string) map[string]string {
	return map[string]string{v1alpha1.AnnotationFinishedTTL: value}
}

func TestRules(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		standard    time.Duration
		annotations map[string]string
		want        string
		wantInvalid string
	}{
		"neither keeps runs":                              {want: "keep"},
		"the flag applies without an annotation":          {standard: time.Hour, annotations: map[string]string{"other": "1m"}, want: "1h0m0s"},
		"the annotation applies without the flag":         {annotations: annotated("36h"), want: "36h0m0s"},
		"the annotation overrides the flag":               {standard: time.Hour, annotations: annotated("90m"), want: "1h30m0s"},
		"0 keeps runs regardless of the flag":             {standard: time.Hour, annotations: annotated("0"), want: "keep"},
		"0s keeps runs too":                               {standard: time.Hour, annotations: annotated("0s"), want: "keep"},
		"fractions of a second are valid":                 {annotations: annotated("1.5s"), want: "1.5s"},
		"an annotation that is not a duration keeps runs": {standard: time.Hour, annotations: annotated("7d"), want: "keep", wantInvalid: `"7d"`},
		"a number without a unit is not a duration":       {standard: time.Hour, annotations: annotated("3600"), want: "keep", wantInvalid: `"3600"`},
		"an empty annotation keeps runs":                  {standard: time.Hour, annotations: annotated(""), want: "keep", wantInvalid: `""`},
		"a negative duration keeps runs":                  {standard: time.Hour, annotations: annotated("-1h"), want: "keep", wantInvalid: `"-1h"`},
		"a duration that is too large keeps runs":         {standard: time.Hour, annotations: annotated("9999999h"), want: "keep", wantInvalid: `"9999999h"`},
		"spaces are not part of a duration":               {standard: time.Hour, annotations: annotated(" 1h"), want: "keep", wantInvalid: `" 1h"`},
		"only other annotations":                          {annotations: map[string]string{}, want: "keep"},
		"the largest duration is valid":                   {annotations: annotated("2562047h"), want: "2562047h0m0s"},
		"an annotation of never is not a duration":        {standard: time.Hour, annotations: annotated("never"), want: "keep", wantInvalid: `"never"`},
		"a flag of a fraction of a second":                {standard: time.Millisecond, want: "1ms"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(tc.standard)
			if got := s.ttl("team"); got != "unknown" {
				t.Errorf("before the namespace was read: %s", got)
			}
			for range 2 {
				s.read("team", "uid", tc.annotations)
			}
			if got := s.ttl("team"); got != tc.want {
				t.Errorf("TTL = %s, want %s", got, tc.want)
			}
			if got := s.ttl("another"); got != "unknown" {
				t.Errorf("TTL of another namespace = %s", got)
			}
			if len(s.changed) > 0 {
				t.Errorf("changes of %v, want none", s.changed)
			}
			lines := strings.Count(s.log.String(), "\n")
			switch {
			case tc.wantInvalid == "" && (len(s.invalid) > 0 || lines > 0):
				t.Errorf("told of %v, log %q, want neither", s.invalid, s.log.String())
			case tc.wantInvalid != "" && (len(s.invalid) != 1 || lines != 1 || !strings.HasPrefix(s.invalid[0].Problem, tc.wantInvalid)):
				t.Errorf("told of %v, log %q, want %s once", s.invalid, s.log.String(), tc.wantInvalid)
			}
		})
	}
}

func TestRules_OnChange(t *testing.T) {
	t.Parallel()
	s := newScene(time.Hour)
	steps := []struct {
		what        string
		annotations map[string]string
		want        string
		wantChanged bool
		wantInvalid int // in total
	}{
		{what: "the first time", annotations: annotated("1m"), want: "1m0s"},
		{what: "another label", annotations: map[string]string{v1alpha1.AnnotationFinishedTTL: "1m", "other": "x"}, want: "1m0s"},
		{what: "the same duration in other words", annotations: annotated("60s"), want: "1m0s"},
		{what: "another duration", annotations: annotated("2m"), want: "2m0s", wantChanged: true},
		{what: "an invalid one", annotations: annotated("x"), want: "keep", wantChanged: true, wantInvalid: 1},
		{what: "the same invalid one", annotations: annotated("x"), want: "keep", wantInvalid: 1},
		{what: "another invalid one", annotations: annotated("y"), want: "keep", wantInvalid: 2},
		{what: "no annotation", want: "1h0m0s", wantChanged: true, wantInvalid: 2},
		{what: "an invalid one again", annotations: annotated("x"), want: "keep", wantChanged: true, wantInvalid: 3},
		{what: "0, which keeps as well", annotations: annotated("0"), want: "keep", wantInvalid: 3},
	}
	for _, step := range steps {
		s.changed = nil
		s.read("team", "uid", step.annotations)
		if got := s.ttl("team"); got != step.want {
			t.Errorf("%s: TTL = %s, want %s", step.what, got, step.want)
		}
		if changed := cmp.Equal(s.changed, []string{"team"}); changed != step.wantChanged {
			t.Errorf("%s: changes of %v, want one: %v", step.what, s.changed, step.wantChanged)
		}
		if len(s.invalid) != step.wantInvalid {
			t.Errorf("%s: told of %d invalid annotations, want %d", step.what, len(s.invalid), step.wantInvalid)
		}
	}
	s.remove("team")
	if got := s.ttl("team"); got != "unknown" {
		t.Errorf("of a namespace that was deleted: %s", got)
	}
}

func TestRules_forbiddenNamespacesHaveStandardRule(t *testing.T) {
	t.Parallel()
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "team", nil)
	for name, forbid := range map[string]string{"one": "team", "all": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(time.Hour)
			s.read("known", "uid", annotated("1m"))
			for range 3 {
				s.forbid(forbid, forbidden)
			}
			if got := s.ttl("team"); got != "1h0m0s" {
				t.Errorf("TTL = %s, want that of the flag", got)
			}
			if got := s.ttl("known"); got != "1m0s" {
				t.Errorf("TTL of a namespace that was read before = %s", got)
			}
			if lines := strings.Count(s.log.String(), "\n"); lines != 1 {
				t.Errorf("log:\n%swant one line", s.log.String())
			}
			s.read("team", "uid", annotated("2m")) // the permission was granted
			if got := s.ttl("team"); got != "2m0s" || !cmp.Equal(s.changed, []string{"team"}) {
				t.Errorf("TTL = %s, changes of %v, want 2m0s and one", got, s.changed)
			}
		})
	}
}
