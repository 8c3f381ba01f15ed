package orchestration

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	gocmp "github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// A scene is a set of facts that is evaluated for every pair of types.
type scene struct {
	title string
	set   func(*Facts)
}

var scenes = []scene{
	{"a plain run: nothing is scheduled, no retries, no data, outside flows", func(*Facts) {}},
	{"a run that was started twice, with three retries, 30 s apart; its SCHEDULED is AwaitingRetry", func(f *Facts) {
		f.Run.RunCount = 2
		f.Run.Policy = RetryPolicy{Retries: new(3.0), Delays: []float64{30}}
		if f.Run.State.typ() == Scheduled {
			f.Run.State.Name = NameAwaitingRetry
		}
	}},
	{"the same, and the failure is called final", func(f *Facts) {
		f.Run.RunCount = 2
		f.Run.Policy = RetryPolicy{Retries: new(3.0)}
		f.Proposed.Details.Retriable = new(false)
	}},
	{"a run whose state has a scheduled time a minute ahead", func(f *Facts) {
		if f.Run.State != nil {
			f.Run.State.Details.ScheduledTime = at(60)
		}
	}},
	{"a run whose state holds a persisted result", func(f *Facts) {
		if f.Run.State != nil {
			f.Run.State.Data = json.RawMessage(`{"storage_key":"k"}`)
		}
	}},
	{"the proposed state has a name of its own, Mine, on a run that was started once", func(f *Facts) {
		f.Run.RunCount = 1
		f.Proposed.Name = "Mine"
	}},
	{"the proposed state has a cache key of 2001 characters", func(f *Facts) {
		f.Proposed.Details.CacheKey = new(strings.Repeat("k", 2001))
	}},
	{"the proposed state has a cache key, and another run left a result under it", func(f *Facts) {
		f.Proposed.Details.CacheKey = new("key")
		f.CacheEntry = cacheEntry()
	}},
	{"a run in a flow that was started again since", func(f *Facts) {
		f.Run.RunCount, f.Run.FlowRunRunCount = 1, 1
		f.FlowRun = &FlowRun{State: &State{Type: Running}, RunCount: 2}
	}},
	{"a run in a flow that is paused", func(f *Facts) {
		f.Run.RunCount, f.Run.FlowRunRunCount = 1, 1
		f.Run.FlowRunID = "F"
		f.FlowRun = &FlowRun{State: &State{Type: Paused}, RunCount: 1}
	}},
	{"a run in a flow that has failed", func(f *Facts) {
		f.Run.RunCount, f.Run.FlowRunRunCount = 1, 1
		f.FlowRun = &FlowRun{State: &State{Type: Failed}, RunCount: 1}
	}},
	{"two of the run's tags have limits, with free slots", func(f *Facts) {
		f.TagLimits = []TagLimit{limit("a", 1), limit("b", 2)}
	}},
	{"one of them is full; a run in RUNNING or CANCELLING holds a slot of each", func(f *Facts) {
		f.TagLimits = []TagLimit{limit("a", 1), limit("b", 3)}
		for i := range f.TagLimits {
			f.TagLimits[i].Held = f.Run.State.typ().keepsSlots()
		}
		f.Draw = 0.5
	}},
	{"one of them is 0", func(f *Facts) {
		f.TagLimits = []TagLimit{limit("a", 1), limit("b", 0, ofNone)}
	}},
}

const matrixHead = `# %s policy: what comes of each proposal (contract §3.2 to §3.5).
#
# Rows are what the run is in, columns what is proposed. Each cell says
#   the answer, with its reason as a letter that is explained at the end;
#   the name of the state that is written, if it is not the proposed one;
#   n, f: the run's count and its flow run's count, if they change;
#   s: how many slots of limits have to be taken for it, if any.
# From table 2 on, a dot, or a missing row, stands for what table 1 says.
`

// The matrices are files for review. go test -update rewrites them.
func TestMatrices(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		set  func(*Facts)
	}{
		"Core":       {"matrix_core.txt", func(*Facts) {}},
		"Background": {"matrix_background.txt", func(f *Facts) { f.Proposed.Details.Deferred = new(true) }},
		"Minimal":    {"matrix_minimal.txt", func(f *Facts) { f.Force = true }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m matrix
			fmt.Fprintf(&m.text, matrixHead, name)
			for _, s := range scenes {
				m.addTable(t, s.title, func(from, to StateType) string {
					f := transitionFacts(from, to, s.set, tt.set)
					return m.cell(f, Decide(f))
				})
			}
			m.addReasons()
			golden(t, filepath.Join("testdata", tt.file), m.text.String())
		})
	}
}

// matrix writes the tables of one policy.
type matrix struct {
	text    strings.Builder
	reasons []string
	tables  int
	first   map[[2]StateType]string // the cells of table 1
}

func (m *matrix) addTable(t *testing.T, title string, cell func(from, to StateType) string) {
	t.Helper()
	m.tables++
	fmt.Fprintf(&m.text, "\n## %d. %s\n\n", m.tables, title)
	cells := map[[2]StateType]string{}
	w := tabwriter.NewWriter(&m.text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "from \\ to\t"+joined(StateTypes))
	for _, from := range anyTypeOrNone {
		row := make([]string, len(StateTypes))
		differs := false
		for i, to := range StateTypes {
			pair := [2]StateType{from, to}
			cells[pair] = cell(from, to)
			row[i] = "."
			if m.first[pair] != cells[pair] {
				row[i], differs = cells[pair], true
			}
		}
		if differs {
			fmt.Fprintln(w, cmp.Or(string(from), "(none)")+"\t"+joined(row))
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if m.first == nil {
		m.first = cells
	}
}

func joined[S ~string](row []S) string {
	var b strings.Builder
	for i, s := range row {
		if i > 0 {
			b.WriteByte('\t')
		}
		b.WriteString(string(s))
	}
	return b.String()
}

// cell describes one decision.
func (m *matrix) cell(f Facts, d Decision) string {
	parts := []string{string(d.Status)}
	if d.Status == Accept {
		parts[0] = "accept" // lower case, so that the other verdicts stand out
	}
	if d.Status == Wait {
		parts = append(parts, d.Delay.String())
	}
	if d.Reason != "" {
		parts = append(parts, m.letter(f.Run.State.typ(), d.Reason))
	}
	if d.State != nil && (d.State.Type != f.Proposed.Type || d.State.Name != f.Proposed.Name) {
		parts = append(parts, d.State.Name)
	}
	parts = append(parts, change("n", f.Run.RunCount, d.Progress.RunCount)...)
	parts = append(parts, change("f", f.Run.FlowRunRunCount, d.Progress.FlowRunRunCount)...)
	if len(d.Slots) > 0 {
		parts = append(parts, fmt.Sprintf("s=%d", len(d.Slots)))
	}
	return strings.Join(parts, " ")
}

func change(name string, before, after int64) []string {
	switch after {
	case before:
		return nil
	case before + 1:
		return []string{name + "+1"}
	default:
		return []string{fmt.Sprintf("%s=%d", name, after)}
	}
}

// letter is the mark of a reason, the same in all tables of the policy.
func (m *matrix) letter(from StateType, reason string) string {
	if from != None {
		reason = strings.Replace(reason, " "+string(from), " <from>", 1)
	}
	i := slices.Index(m.reasons, reason)
	if i < 0 {
		i = len(m.reasons)
		m.reasons = append(m.reasons, reason)
	}
	return mark(i)
}

// mark is the letter of a reason: a to z, then A to Z.
func mark(i int) string {
	if i >= 26 {
		return fmt.Sprintf("[%c]", 'A'+i-26)
	}
	return fmt.Sprintf("[%c]", 'a'+i)
}

func (m *matrix) addReasons() {
	m.text.WriteString("\n## Reasons\n\n")
	for i, reason := range m.reasons {
		fmt.Fprintf(&m.text, "%s %s\n", mark(i), reason)
	}
	if len(m.reasons) == 0 {
		m.text.WriteString("(none is ever given)\n")
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not what comes out now; if that is meant, run go test with -update (-want +got):\n%s", path, diff)
	}
}
