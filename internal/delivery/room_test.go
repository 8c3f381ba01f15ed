package delivery

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
)

// crowd is the workers of several namespaces with one room.
type crowd struct {
	t          *testing.T
	room       *Room
	namespaces map[string]*Workers
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	return &crowd{t, &Room{}, map[string]*Workers{}}
}

// connect connects a worker of a caller, and returns nil if there is no place.
func (c *crowd) connect(namespace, caller, id string) *Consumer {
	c.t.Helper()
	w := c.namespaces[namespace]
	if w == nil {
		w = NewWorkers(nil, nil, bubbleClock{}, SingleReplica{})
		w.Namespace, w.Room = namespace, c.room
		c.namespaces[namespace] = w
	}
	consumer, err := w.Subscribe(taskrun.WithCaller(c.t.Context(), caller), []string{"a"}, id)
	if err != nil && !errors.Is(err, taskrun.ErrUnavailable) {
		c.t.Fatal(err)
	}
	return consumer
}

// endless is more workers with long ids than have room.
const endless = 800

// flood connects workers with the longest ids until no caller gets a place.
func (c *crowd) flood(namespace string, callers int) (all []*Consumer) {
	c.t.Helper()
	for refused, i := 0, 0; refused < callers; i++ {
		if i == endless {
			c.t.Fatal("the room has no end")
		}
		caller := fmt.Sprint(namespace, i%callers)
		consumer := c.connect(namespace, caller, strings.Repeat("<", taskrun.MaxHolder-10)+strconv.Itoa(i))
		if consumer == nil {
			refused++
			continue
		}
		refused = 0
		all = append(all, consumer)
	}
	return all
}

// Whatever some take, there are places for the workers of those who have few.
func TestNoOneTakesThePlacesOfAllWorkers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		flood func(c *crowd) []*Consumer
		least int // workers that the flood gets: what others do not use
		also  []owner
	}{
		"one caller":                    {func(c *crowd) []*Consumer { return c.flood("a", 1) }, 300, []owner{{"a", "x"}, {"b", "x"}, {"b", "y"}, {"c", "z"}}},
		"many callers of one namespace": {func(c *crowd) []*Consumer { return c.flood("a", 50) }, 450, []owner{{"b", "x"}, {"b", "y"}, {"c", "z"}}},
		"callers without a name":        {func(c *crowd) []*Consumer { return c.flood("", 1) }, 300, []owner{{"b", "x"}, {"b", "y"}, {"c", ""}}},
		"one caller of many namespaces": {func(c *crowd) (all []*Consumer) {
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
			c := newCrowd(t)
			taken := tc.flood(c)
			if len(taken) < tc.least {
				t.Errorf("%d workers of the flood are connected, want at least %d: there are no others", len(taken), tc.least)
			}
			for _, by := range tc.also {
				for i := range 50 {
					consumer := c.connect(by.namespace, by.caller, fmt.Sprint(by.caller, "-worker-", i))
					if consumer == nil {
						t.Errorf("%+v: worker %d finds no place", by, i)
						break
					}
					taken = append(taken, consumer)
				}
			}
			for _, consumer := range taken {
				consumer.Close()
			}
			if c.room.taken != 0 || len(c.room.byCaller)+len(c.room.byNamespace) != 0 {
				t.Errorf("after the end: %+v is taken", c.room)
			}
		})
	}
}

// Connections of one worker cost once, and their caller is the one that came first.
func TestAWorkerCostsOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	first := c.connect("a", "x", "w")
	cost := c.room.taken
	second := c.connect("a", "y", "w")
	if c.room.taken != cost || c.room.byCaller["y"] != 0 {
		t.Errorf("taken: %+v, want %d by x alone", c.room, cost)
	}
	first.Close()
	second.Close()
	if c.room.taken != 0 || len(c.room.byCaller) != 0 {
		t.Errorf("after the end: %+v is taken", c.room)
	}
}

func TestTheShareOfTheRoomDependsOnWhatStaysFree(t *testing.T) {
	t.Parallel()
	x, y, nameless := owner{"a", "x"}, owner{"b", "y"}, owner{"a", ""}
	type part struct {
		by    owner
		bytes int
	}
	for name, tt := range map[string]struct {
		taken []part
		by    owner
		bytes int // the most that is given
	}{
		"a caller gets half":                                     {nil, x, MaxWorkerBytes / 2},
		"a caller gets half, of which it has some":               {[]part{{x, 1000}}, x, MaxWorkerBytes/2 - 1000},
		"a caller gets half of what others leave":                {[]part{{y, MaxWorkerBytes / 2}}, x, MaxWorkerBytes / 4},
		"a namespace gets three quarters":                        {nil, nameless, MaxWorkerBytes / 4 * 3},
		"a namespace gets three quarters, of which it has some":  {[]part{{x, 1000}}, nameless, MaxWorkerBytes/4*3 - 1000},
		"a namespace gets three quarters of what others leave":   {[]part{{y, MaxWorkerBytes / 2}}, nameless, MaxWorkerBytes / 8 * 3},
		"a caller shares the three quarters with its namespace":  {[]part{{nameless, MaxWorkerBytes / 4 * 2}}, x, MaxWorkerBytes / 4},
		"a caller of a second namespace has its share in common": {[]part{{owner{"c", "x"}, MaxWorkerBytes / 4}}, x, MaxWorkerBytes / 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for extra, want := range []bool{true, false} {
				r := &Room{}
				for _, p := range tt.taken {
					if !r.take(p.by, p.bytes) {
						t.Fatalf("no room for %+v", p)
					}
				}
				if got := r.take(tt.by, tt.bytes+extra); got != want {
					t.Errorf("room for %d bytes: %t, want %t", tt.bytes+extra, got, want)
				}
			}
		})
	}
}

func TestWorkersCostWhatTheyTakeInTheList(t *testing.T) {
	t.Parallel()
	w := NewWorkers(nil, nil, bubbleClock{}, SingleReplica{})
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
