package delivery

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"k8s.io/utils/clock"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// crowd is the workers of several namespaces with one room.
type clients struct {
	t          *testing.T
	budget     *ByteBudget
	namespaces map[string]*Workers
}

func newClients(t *testing.T) *clients {
	t.Helper()
	return &clients{t, &ByteBudget{}, map[string]*Workers{}}
}

// connect connects a worker of a caller. It returns nil if the budget is exhausted.
func (c *clients) connect(namespace, caller, id string) *Consumer {
	c.t.Helper()
	w := c.namespaces[namespace]
	if w == nil {
		w = NewWorkers(NewQueue(nil, clock.RealClock{}), nil, clock.RealClock{}, SingleReplica{})
		w.Namespace, w.Budget = namespace, c.budget
		c.namespaces[namespace] = w
	}
	consumer, err := w.Subscribe(taskrun.WithCaller(c.t.Context(), caller), []string{"a"}, id)
	if err != nil && !errors.Is(err, taskrun.ErrUnavailable) {
		c.t.Fatal(err)
	}
	return consumer
}

// endless is more workers with long ids than the budget has bytes for.
const endless = 800

// flood connects workers with the longest ids until every caller is rejected.
func (c *clients) flood(namespace string, callers int) (all []*Consumer) {
	c.t.Helper()
	for rejected, i := 0, 0; rejected < callers; i++ {
		if i == endless {
			c.t.Fatal("the budget is unlimited")
		}
		caller := fmt.Sprint(namespace, i%callers)
		consumer := c.connect(namespace, caller, strings.Repeat("<", taskrun.MaxHolder-10)+strconv.Itoa(i))
		if consumer == nil {
			rejected++
			continue
		}
		rejected = 0
		all = append(all, consumer)
	}
	return all
}

// No flood of workers exhausts the budget for the workers of other owners.
func TestByteBudget_floodLeavesBytesForOtherOwners(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		flood func(c *clients) []*Consumer
		least int // number of connected workers of the flood: others do not use their share
		also  []owner
	}{
		"one caller":                    {func(c *clients) []*Consumer { return c.flood("a", 1) }, 300, []owner{{"a", "x"}, {"b", "x"}, {"b", "y"}, {"c", "z"}}},
		"many callers of one namespace": {func(c *clients) []*Consumer { return c.flood("a", 50) }, 450, []owner{{"b", "x"}, {"b", "y"}, {"c", "z"}}},
		"callers without a name":        {func(c *clients) []*Consumer { return c.flood("", 1) }, 300, []owner{{"b", "x"}, {"b", "y"}, {"c", ""}}},
		"one caller of many namespaces": {func(c *clients) (all []*Consumer) {
			for i := range 20 {
				for j := 0; len(all) < endless; j++ {
					consumer := c.connect(fmt.Sprint("n", i), "hog", strings.Repeat("\x01", 100)+strconv.Itoa(j))
					if consumer == nil {
						break
					}
					all = append(all, consumer)
				}
			}
			return all
		}, 100, []owner{{"n1", "x"}, {"b", "y"}, {"c", "z"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClients(t)
			taken := tc.flood(c)
			if len(taken) < tc.least {
				t.Errorf("%d workers of the flood are connected, want at least %d: there are no others", len(taken), tc.least)
			}
			for _, by := range tc.also {
				for i := range 50 {
					consumer := c.connect(by.namespace, by.caller, fmt.Sprint(by.caller, "-worker-", i))
					if consumer == nil {
						t.Errorf("%+v: worker %d is rejected", by, i)
						break
					}
					taken = append(taken, consumer)
				}
			}
			for _, consumer := range taken {
				consumer.Close()
			}
			if c.budget.used != 0 || len(c.budget.byCaller)+len(c.budget.byNamespace) != 0 {
				t.Errorf("after the end: %+v is used", c.budget)
			}
		})
	}
}

// The connections of one worker count once, for the caller of the first connection.
func TestByteBudget_countsWorkerOnce(t *testing.T) {
	t.Parallel()
	c := newClients(t)
	first := c.connect("a", "x", "w")
	cost := c.budget.used
	second := c.connect("a", "y", "w")
	if c.budget.used != cost || c.budget.byCaller["y"] != 0 {
		t.Errorf("used: %+v, want %d, all by x", c.budget, cost)
	}
	first.Close()
	second.Close()
	if c.budget.used != 0 || len(c.budget.byCaller) != 0 {
		t.Errorf("after the end: %+v is used", c.budget)
	}
}

func TestByteBudget_sharesDependOnFreeBytes(t *testing.T) {
	t.Parallel()
	x, y, nameless := owner{"a", "x"}, owner{"b", "y"}, owner{"a", ""}
	type reservation struct {
		by    owner
		bytes int
	}
	for name, tt := range map[string]struct {
		taken []reservation
		by    owner
		bytes int // the largest reservation that succeeds
	}{
		"a caller gets half":                                     {nil, x, MaxWorkerBytes / 2},
		"a caller gets half, of which it has some":               {[]reservation{{x, 1000}}, x, MaxWorkerBytes/2 - 1000},
		"a caller gets half of what others leave":                {[]reservation{{y, MaxWorkerBytes / 2}}, x, MaxWorkerBytes / 4},
		"a namespace gets three quarters":                        {nil, nameless, MaxWorkerBytes / 4 * 3},
		"a namespace gets three quarters, of which it has some":  {[]reservation{{x, 1000}}, nameless, MaxWorkerBytes/4*3 - 1000},
		"a namespace gets three quarters of what others leave":   {[]reservation{{y, MaxWorkerBytes / 2}}, nameless, MaxWorkerBytes / 8 * 3},
		"a caller shares the three quarters with its namespace":  {[]reservation{{nameless, MaxWorkerBytes / 4 * 2}}, x, MaxWorkerBytes / 4},
		"a caller of a second namespace has its share in common": {[]reservation{{owner{"c", "x"}, MaxWorkerBytes / 4}}, x, MaxWorkerBytes / 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for extra, want := range []bool{true, false} {
				r := &ByteBudget{}
				for _, p := range tt.taken {
					if !r.reserve(p.by, p.bytes) {
						t.Fatalf("reserving %+v failed", p)
					}
				}
				if got := r.reserve(tt.by, tt.bytes+extra); got != want {
					t.Errorf("reserve %d bytes: %t, want %t", tt.bytes+extra, got, want)
				}
			}
		})
	}
}

func TestWorkers_costIsSizeInEncodedList(t *testing.T) {
	t.Parallel()
	w := NewWorkers(NewQueue(nil, clock.RealClock{}), nil, clock.RealClock{}, SingleReplica{})
	w.Namespace = "default"
	var all []Worker
	costs := 0
	for _, id := range []string{"a", "<&>", "\x01", strings.Repeat("long", 50), "é"} {
		all = append(all, Worker{Namespace: "default", ID: id})
		costs += w.cost(id)
		text, err := EncodeWorkers(all)
		if want := len(text) - len("[]") + len(","); err != nil || costs != want { // one comma less than workers
			t.Errorf("%d workers cost %d bytes, want %d, error %v", len(all), costs, want, err)
		}
	}
}
