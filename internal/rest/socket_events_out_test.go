package rest

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/taskrun-dev/taskrun-operator/internal/authn"
	"github.com/taskrun-dev/taskrun-operator/internal/feed"
	"github.com/taskrun-dev/taskrun-operator/internal/orchestration"
	"github.com/taskrun-dev/taskrun-operator/internal/rest/wire"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/offsetclock"
	"github.com/taskrun-dev/taskrun-operator/test/sample"
)

func TestEventsOut_sendsTheSelectedEvents(t *testing.T) {
	t.Parallel()
	for name, subprotocols := range map[string][]string{"with a handshake": offering, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, pathEventsOut, subprotocols...)
				if subprotocols != nil {
					p.greet(t)
				}
				p.send(t, sample.FutureFilter)
				w.stream.changes <- sample.Change(orchestration.Running, "Running")
				completed := sample.Change(orchestration.Completed, "Completed")
				w.stream.changes <- completed
				p.expect(t, string(wire.AppendEventFrame(nil, &completed)))
				cached := sample.Change(orchestration.Completed, "Cached")
				w.stream.changes <- cached
				p.expect(t, string(wire.AppendEventFrame(nil, &cached)))
				p.silent(t)
				want := []taskrun.WatchOptions{{Since: noon.Add(-time.Minute), RunIDs: []string{idKnown}}}
				if diff := cmp.Diff(want, w.stream.asked); diff != "" {
					t.Errorf("asked for (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestEventsOut_laterFramesAreIgnored(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		p := w.open(t, pathEventsOut)
		p.send(t, sample.FutureFilter)
		p.send(t, `{"type":"nope"}`)
		p.send(t, `nope`)
		if err := <-p.ping(t); err != nil {
			t.Fatal(err)
		}
		w.stream.changes <- sample.Change(orchestration.Failed, "TimedOut")
		p.recv(t)
	})
}

func TestEventsOut_onlyTheSlowReaderIsDisconnected(t *testing.T) {
	t.Parallel()
	inBubble(t, func(w *socketFixture) {
		t := w.t
		began := time.Now()
		p := w.openUnread(t, pathEventsOut)
		p.send(t, sample.FutureFilter)
		w.stream.changes <- sample.Change(orchestration.Completed, "Completed")
		synctest.Wait()
		other := w.open(t, pathEventsOut)
		other.send(t, sample.FutureFilter)
		w.stream.changes <- sample.Change(orchestration.Completed, "Completed")
		other.recv(t)
		for range 100 {
			pass(time.Second)
			synctest.Wait()
			w.counted.mu.Lock()
			closed := w.counted.closed[pathEventsOut]
			w.counted.mu.Unlock()
			if closed == 1 {
				break
			}
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("cut after %s, want 10 s", took)
		}
		other.silent(t)
	})
}

func TestEventsOut_brokenStreamClosesWithACodeForReconnecting(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(*fakeStream){
		"with an error":    func(s *fakeStream) { s.broken = errors.New("too slow") },
		"without an error": func(s *fakeStream) { close(s.changes) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(w *socketFixture) {
				t := w.t
				broken(w.stream)
				p := w.open(t, pathEventsOut, offering...).greet(t)
				p.send(t, sample.FutureFilter)
				p.expectEnd(t, end{1011, "Internal error"})
			})
		})
	}
}

// The route requires the permission to list task runs. Events of flow runs need another one.
func TestEventsOut_ofFlowRunsNeedThePermissionToListThem(t *testing.T) {
	t.Parallel()
	const tasks, both = "list taskruns in default", "list taskruns in default and list flowruns in default"
	for name, tc := range map[string]struct {
		token string
		fails bool // the review of the access to flow runs
		want  string
	}{
		"permitted":     {token: both, want: "prefect.flow-run.Pending"},
		"not permitted": {token: tasks},
		"not reviewed":  {token: both, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reviewer := &fakeReviewer{}
			if tc.fails {
				reviewer.fail("list flowruns in default", authn.ErrUnavailable)
			}
			inBubble(t, func(w *socketFixture) {
				t := w.t
				p := w.open(t, pathEventsOut, offering...)
				p.send(t, `{"type":"auth","token":"`+tc.token+`"}`)
				p.expect(t, frameSuccess)
				p.send(t, `{"type":"filter","filter":{"event":{"prefix":["prefect.flow-run."]}}}`)
				synctest.Wait()
				if tc.fails {
					p.expectEnd(t, end{1011, "Internal error"})
					return
				}
				w.createFlows(t)
				if tc.want == "" {
					p.silent(t)
				} else if frame := p.recv(t); !strings.Contains(frame, tc.want) {
					t.Errorf("frame %s, want %s", frame, tc.want)
				}
			}, withReviewer(reviewer), func(_ *Options, d *Dependencies) { d.Clock = offsetclock.New(time.Until(noon)) })
		})
	}
}

// pastAndNew returns a stream that yields past changes at these seconds in batches of two, then new ones.
func pastAndNew(t *testing.T, past, changes []int) eventStream {
	t.Helper()
	batch := func(seconds []int) (batch []*feed.SharedChange[*taskrun.Run]) {
		for _, second := range seconds {
			change := sample.Change(orchestration.Completed, "Completed")
			change.State.Timestamp = noon.Add(time.Duration(second) * time.Second)
			batch = append(batch, &feed.SharedChange[*taskrun.Run]{ChangeOf: change})
		}
		return batch
	}
	following := func(yield func([]*feed.SharedChange[*taskrun.Run], error) bool) {
		for seconds := range slices.Chunk(past, 2) {
			if !yield(batch(seconds), nil) {
				return
			}
		}
		_ = yield(nil, nil) && yield(batch(changes), nil)
	}
	everyOther := func(c *taskrun.Change) bool { return int(c.State.Timestamp.Sub(noon).Seconds())%10 != 0 }
	return newRunStream(following, everyOther, func(c *taskrun.Change) []byte {
		return strconv.AppendInt(nil, int64(c.State.Timestamp.Sub(noon).Seconds()), 10)
	})
}

func TestMergePast_ordersThePastOfAllStreamsByTime(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		past [][]int
		want []string
	}{
		"nothing":                  {[][]int{nil, nil}, nil},
		"one stream without":       {[][]int{{1, 2, 3}, nil}, []string{"1", "2", "3"}},
		"events in turn":           {[][]int{{1, 4, 6}, {2, 3, 5, 7}}, []string{"1", "2", "3", "4", "5", "6", "7"}},
		"those that do not match":  {[][]int{{1, 10, 20, 30, 40}, {2, 10, 31}}, []string{"1", "2", "31"}},
		"the first stream is last": {[][]int{{8, 9}, {1, 2, 3}}, []string{"1", "2", "3", "8", "9"}},
	}
	for name, tc := range cases {
		var streams []eventStream
		for _, past := range tc.past {
			stream := pastAndNew(t, past, []int{0, 99})
			defer stream.stop()
			streams = append(streams, stream)
		}
		var got []string
		if err := mergePast(streams, func(frame []byte) bool { got = append(got, string(frame)); return true }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, stream := range streams { // new ones follow
			if frame, err := stream.past(); err != nil || string(frame.frame) != "99" {
				t.Errorf("%s: %v, %v follow, want 99", name, frame, err)
			}
		}
	}
}
