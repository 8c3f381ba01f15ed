//go:build sdk

package sdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

// environment has all that Prefect's processes need: the URL of the API, and a home. The
// tasks' own log is not Prefect's.
func (o *server) environment() []string {
	return append([]string{
		"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + o.folder, "PREFECT_API_URL=" + o.base,
		"RUN_LOG=" + o.path("runs.log"), "PYTHONUNBUFFERED=1",
	}, o.variables...)
}

func (o *server) script(name string, args ...string) []string {
	folder, err := filepath.Abs("python")
	if err != nil {
		o.t.Fatal(err)
	}
	return append([]string{filepath.Join(programs, "python"), filepath.Join(folder, name)}, args...)
}

// worker is a process that serves all tasks.
type worker struct {
	*controlplane.Process
	server *server
}

// newWorker starts a worker with a limit of concurrent runs, and waits until the server
// lists it.
func (o *server) newWorker(limit int) *worker { return o.newSkewedWorker(limit, 0) }

func (o *server) newSkewedWorker(limit int, ahead time.Duration) *worker {
	o.t.Helper()
	w := o.startSkewedWorker(limit, ahead)
	o.eventually("the worker is there", func() (string, bool) { return fmt.Sprint(o.workers()), w.listed() })
	return w
}

// startSkewedWorker starts a worker whose clock differs by the skew.
func (o *server) startSkewedWorker(limit int, ahead time.Duration) *worker {
	o.t.Helper()
	skew := "CLOCK_AHEAD=" + strconv.FormatFloat(ahead.Seconds(), 'f', -1, 64)
	args := slices.Concat([]string{"-i"}, o.environment(), []string{skew}, o.script("worker.py", strconv.Itoa(limit)))
	return &worker{o.launch("worker", "/usr/bin/env", args...), o}
}

// listed reports whether the server lists the worker. Its name ends in its process id.
func (w *worker) listed() bool {
	return slices.ContainsFunc(w.server.workers(), func(name string) bool { return strings.HasSuffix(name, "-"+strconv.Itoa(w.PID())) })
}

func (w *worker) kill() {
	w.server.t.Helper()
	if err := w.Kill(); err != nil {
		w.server.t.Fatal(err)
	}
}

// workers returns the names of the workers that the server lists.
func (o *server) workers() []string {
	o.t.Helper()
	var list []struct {
		Identifier string `json:"identifier"`
	}
	if status, answer := o.ask(http.MethodPost, "/task_workers/filter", "{}"); status != http.StatusOK || json.Unmarshal([]byte(answer), &list) != nil {
		return nil
	}
	names := make([]string, len(list))
	for i, one := range list {
		names[i] = one.Identifier
	}
	return names
}

// client runs client.py to its end and returns its output lines.
func (o *server) client(args ...string) []string {
	o.t.Helper()
	lines, err := o.tryClient(args...)
	if err != nil {
		o.t.Fatal(err)
	}
	return lines
}

func (o *server) tryClient(args ...string) ([]string, error) {
	script := o.script("client.py", args...)
	command := exec.CommandContext(o.t.Context(), script[0], script[1:]...)
	command.Env = o.environment()
	var problems strings.Builder
	command.Stderr = &problems
	printed, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("client.py %v: %w\n%s%s", args, err, printed, tail([]byte(problems.String())))
	}
	return lines(string(printed)), nil
}

func lines(text string) []string {
	return slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool { return line == "" })
}

// submit submits a task a number of times, and returns the runs' ids. Its runs have the
// prefix and a number in the log.
func (o *server) submit(task string, count int, prefix string, arguments ...float64) []string {
	o.t.Helper()
	args := []string{"submit", task, strconv.Itoa(count), prefix}
	for _, a := range arguments {
		args = append(args, strconv.FormatFloat(a, 'f', -1, 64))
	}
	printed := o.client(args...)
	ids := slices.DeleteFunc(printed, func(line string) bool { return len(line) != len("00000000-0000-0000-0000-000000000000") })
	if len(ids) != count {
		o.t.Fatalf("%d runs were submitted, want %d: %q", len(ids), count, printed)
	}
	return ids
}

// await waits for runs in one process, as futures, and returns "TYPE NAME RESULT" by id.
func (o *server) await(ids ...string) map[string]string {
	o.t.Helper()
	ends := map[string]string{}
	for _, line := range o.client(append([]string{"wait", strconv.Itoa(int(patience.Seconds()))}, ids...)...) {
		if fields := strings.Split(line, "\t"); len(fields) == 4 {
			ends[fields[0]] = strings.TrimSpace(strings.Join(fields[1:], " "))
		}
	}
	return ends
}

// states returns the number of runs by the type of their states.
func (o *server) states() map[string]int {
	o.t.Helper()
	states := map[string]int{}
	o.get(http.MethodPost, "/ui/task_runs/count", "{}", &states)
	maps.DeleteFunc(states, func(_ string, n int) bool { return n == 0 })
	return states
}

// wantStates waits until the runs are in exactly these states.
func (o *server) wantStates(want map[string]int) {
	o.t.Helper()
	o.eventually(fmt.Sprint("states ", want), func() (string, bool) {
		got := o.states()
		return fmt.Sprint(got), maps.Equal(got, want)
	})
}

// stateNames returns the names of the states of a run, in order.
func (o *server) stateNames(id string) []string {
	o.t.Helper()
	var states []struct {
		Name string `json:"name"`
	}
	o.get(http.MethodGet, "/task_run_states/?task_run_id="+id, "", &states)
	names := make([]string, len(states))
	for i, state := range states {
		names[i] = state.Name
	}
	return names
}

// execution is one start of a task by a worker.
type execution struct {
	key        string
	pid        int
	start, end time.Time // end is zero if the worker did not reach it
}

// executions returns all executions that the tasks recorded, by key.
func (s *stage) executions() map[string][]execution {
	s.t.Helper()
	text, err := os.ReadFile(s.path("runs.log"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	found := map[string][]execution{}
	for _, line := range lines(string(text)) {
		var (
			what, key string
			pid       int
			at        float64
		)
		if _, err := fmt.Sscan(line, &what, &key, &pid, &at); err != nil {
			continue // a worker was killed while it wrote the line
		}
		moment := time.UnixMicro(int64(at * 1e6))
		if what == "start" {
			found[key] = append(found[key], execution{key: key, pid: pid, start: moment})
			continue
		}
		for i := range found[key] {
			if e := &found[key][i]; e.pid == pid && e.end.IsZero() {
				e.end = moment
			}
		}
	}
	return found
}

// starts returns the number of starts of each run of a prefix.
func (s *stage) starts(prefix string) map[string]int {
	s.t.Helper()
	starts := map[string]int{}
	for key, all := range s.executions() {
		if strings.HasPrefix(key, prefix) {
			starts[key] = len(all)
		}
	}
	return starts
}

// wantOnce checks that each of this number of runs was started once.
func (s *stage) wantOnce(prefix string, runs int) {
	s.t.Helper()
	starts := s.starts(prefix)
	if len(starts) != runs {
		s.t.Errorf("%d runs were started, want %d", len(starts), runs)
	}
	for key, n := range starts {
		if n != 1 {
			s.t.Errorf("run %s was started %d times, want once", key, n)
		}
	}
}
