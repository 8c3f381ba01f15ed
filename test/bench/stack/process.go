package stack

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
)

const (
	// ticksPerSecond is the unit of times in /proc on Linux (USER_HZ).
	ticksPerSecond = 100
	// readyPoll is the interval between checks of a starting server, and the precision
	// of a cold start.
	readyPoll = 5 * time.Millisecond
)

// CPUTimes returns the CPU time of each process so far, in user and kernel mode.
func CPUTimes(pids map[string]int) (map[string]time.Duration, error) {
	times := make(map[string]time.Duration, len(pids))
	for name, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return nil, fmt.Errorf("CPU time of %s: %w", name, err)
		}
		if times[name], err = parseCPUTime(string(stat)); err != nil {
			return nil, fmt.Errorf("CPU time of %s (process %d): %w", name, pid, err)
		}
	}
	return times, nil
}

// parseCPUTime parses the text of a stat file.
func parseCPUTime(stat string) (time.Duration, error) {
	// The second field is the command in parentheses. It may hold spaces and more
	// parentheses.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("its stat file is not of the known form: %q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading its stat file: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// ResidentBytes returns the resident memory of a process.
func ResidentBytes(pid int) (float64, error) { return memory(pid, "VmRSS") }

// PeakBytes returns the maximum resident memory of a process so far.
func PeakBytes(pid int) (float64, error) { return memory(pid, "VmHWM") }

func memory(pid int, field string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	return parseMemory(string(status), field)
}

// parseMemory parses a field of the text of a status file.
func parseMemory(status, field string) (float64, error) {
	_, rest, _ := strings.Cut(status, field+":")
	line, _, _ := strings.Cut(rest, "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the memory %s: %w", field, err)
	}
	return float64(n) * 1024, nil
}

// AwaitReady returns when the address responds with 200. It fails if the process ends
// before that, or at the timeout.
func AwaitReady(ctx context.Context, process *controlplane.Process, url string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(readyPoll)
	defer tick.Stop()
	for {
		if answers(ctx, url) {
			return nil
		}
		select {
		case <-tick.C:
		case <-process.Done():
			return fmt.Errorf("process %d ended before %s answered 200", process.PID(), url)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer 200 within %s: %w", url, limit, ctx.Err())
		}
	}
}

func answers(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
