//go:build apiserver

package linearizability

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kube "sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/taskrun-dev/taskrun-operator/api/v1alpha1"
	"github.com/taskrun-dev/taskrun-operator/internal/taskrun"
	"github.com/taskrun-dev/taskrun-operator/test/testenv"
)

const (
	clients = 16
	runs    = 3
	// writesPerRun is less than the maximum length of a run's history, the first state included.
	writesPerRun = 44
	// readsPerWrite is the maximum number of reads that a client does after a write.
	readsPerWrite = 2
)

var seed = flag.Uint64("seed", 0, "seed of the schedule (0 = one from the time)")

func TestMain(m *testing.M) {
	if os.Getenv(asReplica) != "" {
		os.Exit(runReplica())
	}
	log.SetLogger(logr.Discard()) // of the libraries
	testenv.Main(m)
}

// kills lists the replicas to kill in each round: each alone, then both at once.
var kills = [][]string{{"a"}, {"b"}, {"a", "b"}, {"b", "a"}}

func TestWrites_acknowledgedStateIsInHistoryOnceAndInOrder(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d; the same schedule again: go test -tags apiserver ./test/linearizability -seed %d", *seed, *seed)
	s := newStage(t)
	var total outcomes
	for n, killed := range kills {
		r := s.newRound(n, killed)
		r.play()
		total.add(r.checkRuns())
		if t.Failed() {
			break
		}
	}
	for name, g := range s.gateways {
		t.Logf("writes by replica %s, by fault: %v", name, g.faults())
	}
	t.Logf("%+v", total)
	if total.Acknowledged < total.Writes/2 {
		t.Errorf("%d of %d writes were acknowledged: too few to show anything", total.Acknowledged, total.Writes)
	}
}

// stage is the API server, the gateways and the replicas.
type stage struct {
	t         *testing.T
	namespace string
	objects   kube.Client
	gateways  map[string]*gateway
	fleet     *fleet
}

func newStage(t *testing.T) *stage {
	t.Helper()
	env := testenv.Start(t)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	objects, err := kube.New(env.Config, kube.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, namespace: env.Namespace(t), objects: objects, gateways: map[string]*gateway{}}
	kubeconfigs := map[string]string{}
	for i, name := range []string{"a", "b"} {
		g := newGateway(t, env.Config, rand.New(rand.NewPCG(*seed, uint64(i))))
		s.gateways[name], kubeconfigs[name] = g, g.kubeconfig(t)
	}
	s.fleet = newFleet(t, s.namespace, kubeconfigs)
	return s
}

// round is the operations of many clients on a few runs while replicas are killed.
type round struct {
	*stage
	number int
	kills  map[int64]*replica // by the number of the write
	due    chan *replica
	runs   []*run
	next   atomic.Int64 // number of the next write
}

func (s *stage) newRound(number int, killed []string) *round {
	s.t.Helper()
	c := s.newClient(number, clients)
	r := &round{stage: s, number: number, kills: map[int64]*replica{}, due: make(chan *replica, len(killed))}
	// All kills happen in the first half of the writes. The second kill follows soon after the first one.
	at := int64(1 + c.random.IntN(runs*writesPerRun/2))
	for _, name := range killed {
		i := slices.IndexFunc(s.fleet.replicas, func(r *replica) bool { return r.name == name })
		r.kills[at] = s.fleet.replicas[i]
		at += int64(1 + c.random.IntN(clients))
	}
	for i := range runs {
		r.runs = append(r.runs, c.create(fmt.Sprint(number, "-", i)))
	}
	return r
}

// newClient returns a client whose choices depend only on the seed, the round and the index.
func (s *stage) newClient(number, index int) *client {
	return &client{t: s.t, fleet: s.fleet, random: rand.New(rand.NewPCG(*seed, uint64(1000*(number+1)+index)))}
}

// play runs all operations of all clients. It returns when all replicas are ready again.
func (r *round) play() {
	r.fleet.peekWith(r.peek(r.newClient(r.number, clients+1)))
	var working, killing sync.WaitGroup
	for i := range clients {
		working.Go(func() { r.work(r.newClient(r.number, i)) })
	}
	killing.Go(func() {
		for victim := range r.due {
			if err := r.fleet.kill(victim); err != nil {
				r.t.Error(err)
			}
		}
	})
	working.Wait()
	close(r.due)
	killing.Wait()
	r.fleet.awaitAll()
	r.fleet.peekWith(nil)
}

// peek reads through a process that is not ready yet and returns the results. It makes no random choice, because two
// processes may start at the same time.
func (r *round) peek(c *client) func(*process) {
	return func(p *process) {
		for _, run := range r.runs {
			c.read(p, run, wholeHistory, true)
			c.read(p, run, currentState, true)
		}
	}
}

// work performs operations until all writes of the round are taken.
func (r *round) work(c *client) {
	for {
		n := r.next.Add(1) - 1
		if n >= runs*writesPerRun {
			return
		}
		if victim := r.kills[n]; victim != nil {
			r.due <- victim
		}
		if err := c.write(r.runs[n%runs], "write "+strconv.FormatInt(n, 10)); err != nil {
			r.t.Errorf("write %d: %v", n, err)
			return
		}
		for range c.random.IntN(readsPerWrite + 1) {
			if err := c.readSomething(r.runs[c.random.IntN(runs)]); err != nil {
				r.t.Errorf("reading: %v", err)
				return
			}
		}
	}
}

// outcomes counts operations.
type outcomes struct{ Writes, Acknowledged, Unknown, UnknownDone, Rejected, Reads int }

func (o *outcomes) add(other outcomes) {
	o.Writes += other.Writes
	o.Acknowledged += other.Acknowledged
	o.Unknown += other.Unknown
	o.UnknownDone += other.UnknownDone
	o.Rejected += other.Rejected
	o.Reads += other.Reads
}

// checkRuns checks each run of the round.
func (r *round) checkRuns() (total outcomes) {
	for _, run := range r.runs {
		object := r.settled(run)
		h := &run.history
		h.Launched = r.fleet.launches()
		for _, fault := range h.check() {
			r.t.Errorf("round %d, run %s: %s", r.number, run.id, fault)
		}
		r.checkObject(object)
		done := map[string]bool{}
		for _, s := range h.Final {
			done[s.Name] = true
		}
		for _, w := range h.Writes {
			total.Writes++
			switch {
			case w.Outcome == acknowledged:
				total.Acknowledged++
			case w.Outcome == rejected:
				total.Rejected++
			case done[w.Name]:
				total.UnknownDone++
			default:
				total.Unknown++
			}
		}
		total.Reads += len(h.Reads)
	}
	return total
}

// settled waits until every replica shows the states of the run's object, keeps them as the final history, and
// returns the object.
func (r *round) settled(run *run) *v1alpha1.TaskRun {
	r.t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	c := r.newClient(r.number, clients)
	for {
		object := &v1alpha1.TaskRun{}
		if err := r.objects.Get(r.t.Context(), types.NamespacedName{Namespace: r.namespace, Name: run.id}, object); err != nil {
			r.t.Fatal(err)
		}
		run.history.Final = nil
		for _, s := range statesOf(object) {
			run.history.Final = append(run.history.Final, state{s.ID, *s.Name})
		}
		same := true
		for _, p := range r.fleet.awaitAll() {
			same = slices.Equal(c.read(p, run, wholeHistory, true), run.history.Final) && same
		}
		if same {
			return object
		}
		select {
		case <-tick.C:
		case <-limit:
			r.t.Fatalf("the replicas do not show what the object of run %s has: %v", run.id, run.history.Final)
		}
	}
}

func statesOf(object *v1alpha1.TaskRun) []v1alpha1.State {
	all := slices.Clone(object.Status.History)
	if object.Status.State != nil {
		all = append(all, *object.Status.State)
	}
	return all
}

// checkObject checks a consequence of the history: each state was decided with all states before it known.
func (r *round) checkObject(object *v1alpha1.TaskRun) {
	r.t.Helper()
	all, started := statesOf(object), int64(0)
	for i, s := range all {
		if s.Type == "RUNNING" {
			started++
		}
		if i > 0 && !s.Timestamp.After(all[i-1].Timestamp.Time) {
			r.t.Errorf("run %s: state %q (%v) is not later than the one before it (%v)", object.Name, *s.Name, s.Timestamp, all[i-1].Timestamp)
		}
	}
	if object.Status.RunCount != started || object.Status.HistoryDropped != 0 || len(all) > taskrun.MaxHistory {
		r.t.Errorf("run %s: run count %d, %d states and %d dropped, want the run count %d and none dropped",
			object.Name, object.Status.RunCount, len(all), object.Status.HistoryDropped, started)
	}
}
