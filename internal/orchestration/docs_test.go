package orchestration

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// examplesHead is the heading row of the table in docs/taskrun.md whose rows are
// evaluated here.
const examplesHead = "| the run is | proposed | verdict | the run is then |\n"

// runsOfTheDocs maps the table's descriptions of a run, apart from the type of its
// state, to facts.
var runsOfTheDocs = map[string]func(*Facts){
	"":                                 func(*Facts) {},
	", with retries left":              func(f *Facts) { f.Run.RunCount, f.Run.Policy = 1, RetryPolicy{Retries: new(1.0)} },
	", with a result":                  func(f *Facts) { f.Run.State.Data = json.RawMessage(`{"storage_key":"k"}`) },
	", without a result":               func(*Facts) {},
	", for a later time":               func(f *Facts) { f.Run.State.Details.ScheduledTime = at(60) },
	", and a limit of its tag is full": func(f *Facts) { f.TagLimits = []TagLimit{limit("a", 1), limit("b", 3)} },
}

func TestDocs_examplesMatchTheRules(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/taskrun.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), examplesHead)
	if !found {
		t.Fatal("the page has no table of examples")
	}
	rows := 0
	for line := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 4 {
			if strings.HasPrefix(line, "|--") {
				continue
			}
			break
		}
		rows++
		from, more, _ := strings.Cut(cells[0], ",")
		if more != "" {
			more = "," + more
		}
		set, known := runsOfTheDocs[more]
		if !known {
			t.Errorf("%q: no run of this test is %q", line, more)
			continue
		}
		got := Decide(transitionFacts(StateType(from), StateType(cells[1]), set))
		then := from
		if got.State != nil {
			then = string(got.State.Type)
			if got.State.Name != got.State.Type.DefaultName() {
				then += " (" + got.State.Name + ")"
			}
		}
		if string(got.Status) != cells[2] || then != cells[3] {
			t.Errorf("%q: the rules say %s (%s), and then %s", line, got.Status, got.Reason, then)
		}
	}
	if rows == 0 {
		t.Error("the table is empty")
	}
}
