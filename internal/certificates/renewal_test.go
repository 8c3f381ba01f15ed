package certificates

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The client of this test reads the CA once, and again only near the end of the
// overlap. It must always trust the serving certificate.
func TestRotation_clientsTrustEveryCertificate(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*testing.T, *scene){
		"after two thirds of the lifetime": func(_ *testing.T, s *scene) { s.clock.Step(authorityLife / 3 * 2) },
		"on request":                       func(t *testing.T, s *scene) { t.Helper(); s.ask(t, renewAuthority) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newScene(t)
			a, b := s.running(t), s.running(t)
			pool := s.pool(t)
			begin(t, s)
			var published []int
			for range 70 { // days
				mustLook(t, a, b)
				for _, source := range []*Source{a, b} {
					if err := s.trusts(t, source, pool, "localhost"); err != nil {
						t.Fatalf("after %v: %v", published, err)
					}
				}
				published = append(published, s.published(t))
				if len(published)%29 == 0 {
					pool = s.pool(t)
				}
				s.clock.Step(day)
			}
			want := [3]int{published[0], published[45], published[69]}
			if diff := cmp.Diff([3]int{2, 2, 1}, want); diff != "" {
				t.Errorf("CAs that were published at first, between and at last: %s", diff)
			}
			if s.log.count("the new CA has signed a certificate") != 1 || s.log.count("old CAs are not published any more") != 1 {
				t.Error("not each step once")
			}
		})
	}
}

func TestRotation_newCADoesNotSignBeforeItIsPublished(t *testing.T) {
	t.Parallel()
	s, client := newScene(t)
	a := s.running(t)
	first := leafOf(t, a)
	s.ask(t, renewAuthority)
	mustLook(t, a)
	s.clock.Step(overlap)
	if err := client.CoreV1().ConfigMaps("ns").Delete(t.Context(), "taskrun-rest-ca", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	mustLook(t, a)
	if !leafOf(t, a).Equal(first) {
		t.Error("it signed before clients could trust it")
	}
	mustLook(t, a)
	if leafOf(t, a).Equal(first) {
		t.Error("it does not sign though it is published again")
	}
}

func TestRequests_areDoneOnceAndRemoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asked       []string
		wantNew     bool
		wantBundled int
	}{
		"a certificate":                  {[]string{renewCertificate}, true, 1},
		"a CA":                           {[]string{renewAuthority}, false, 2},
		"a CA while another one waits":   {[]string{renewAuthority, renewAuthority}, false, 2},
		"a certificate while a CA waits": {[]string{renewAuthority, renewCertificate}, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := newScene(t)
			a := s.running(t)
			first := leafOf(t, a)
			for _, request := range c.asked {
				s.ask(t, request)
				mustLook(t, a)
				if _, there := s.secret(t).Annotations[annotationRenew]; there {
					t.Error("the request is still there")
				}
			}
			second := leafOf(t, a)
			mustLook(t, a)
			if !second.Equal(leafOf(t, a)) || second.Equal(first) == c.wantNew || s.published(t) != c.wantBundled {
				t.Errorf("new %v, %d CAs", !second.Equal(first), s.published(t))
			}
		})
	}
}

func TestRequests_unknownOneIsReportedAndIgnored(t *testing.T) {
	t.Parallel()
	s, _ := newScene(t)
	s.running(t)
	s.ask(t, "everything")
	a := s.running(t)
	if s.log.count(`must be certificate or ca, not \"everything\"`) != 1 {
		t.Errorf("not told:\n%s", s.log.text.String())
	}
	s.clock.Step(244 * day)
	if err := look(t, a); err == nil {
		t.Error("told once only")
	}
	if got := a.NotAfter(); !got.Equal(start.Add(244*day + certificateLife)) {
		t.Errorf("not renewed, ends at %s", got)
	}
}

// At any time, all due steps are done in a few polls.
func TestSteps_terminate(t *testing.T) {
	t.Parallel()
	d := requirements{now: start, names: []string{"localhost"}}
	for moved := time.Duration(0); moved < 2*authorityLife; moved += 7*day + 13*time.Minute {
		m, err := newKeyPair(d)
		if err != nil {
			t.Fatal(err)
		}
		later := requirements{now: start.Add(moved), names: d.names}
		steps := 0
		for {
			next, _ := m.due(later)
			if next == stepNone {
				break
			}
			if steps++; steps > 4 {
				t.Fatalf("after %s: no end", moved)
			}
			if err := m.apply(next, later); err != nil {
				t.Fatal(err)
			}
		}
		if err := checkValidity(m.leaf, later.now); err != nil {
			t.Fatalf("after %s: %v", moved, err)
		}
	}
}
