package compat

// leftOut lists the cases that our server need not pass, with the reasons. It must pass all others. A listed case that
// passes fails the test, because its entry is out of date.
var leftOut = map[string]string{
	"create-state-data-empty-object":        "quirk: a run made with data is answered 500 though it was made; we answer 201",
	"create-state-data-number":              "quirk: a run made with data is answered 500 though it was made; we answer 201",
	"create-state-data-text":                "quirk: a run made with data is answered 500 though it was made; we answer 201",
	"create-label-infinity":                 "quirk: a label of Infinity makes every later read of the run a 500",
	"set-state-after-completed-with-list":   "quirk: leaving a COMPLETED state whose data is not an object is a 500; ours is evaluated by the rules",
	"set-state-after-completed-with-number": "quirk: leaving a COMPLETED state whose data is not an object is a 500; ours is evaluated by the rules",
	"set-state-after-completed-with-text":   "quirk: leaving a COMPLETED state whose data is not an object is a 500; ours is evaluated by the rules",
	"events-deleted-run":                    "quirk: an event brings a deleted run back; ours stays deleted",
	"events-no-guard":                       "quirk: an event overwrites an end that was decided over REST; ours keeps it",
	"events-out-cached-silent":              "quirk: an end under another name wakes no waiter; ours does",
	"events-out-rest-transitions-silent":    "quirk: an end that was decided over REST wakes no waiter; ours does",
	"deliver-finished-run":                  "quirk: a run that has ended is handed out all the same; ours is not",
	"flow-run-create-with-data":             "quirk: a run made with data is answered 500 though it was made; we answer 201",
	"cancelled-then-completed":              "quirk: an end that is reported after a cancellation replaces it; ours keeps the cancellation",
	"inputs-odd-keys":                       "quirk: an input key with other characters is a 500; ours is a 422",
	"flow-run-create-policies":              "flows: pause_keys and resuming of null are read as none and false",
	"state-details-kept":                    "flows: the task_run_id in the details of a state is the run's own, whatever the client sends",
	"old-api-versions":                      "framework: clients of API versions below 0.8.4 get the rules of that version",
	"deployed-flow-from-cancelled":          deployments,
	"deployed-flow-from-completed":          deployments,
	"deployed-flow-from-crashed":            deployments,
	"deployed-flow-from-failed":             deployments,
	"deployed-flow-from-pending":            deployments,
	"deployed-flow-from-running":            deployments,
	"deployed-flow-from-scheduled":          deployments,
	"deployed-flow-from-suspended":          deployments,
	"deployment-create":                     deployments,
	"deployment-create-refused":             deployments,
	"deployment-filter":                     deployments,
	"deployment-name-crashes":               deployments,
	"deployment-run":                        deployments,
	"deployment-run-checked":                deployments,
	"flow-rerun-of-deployment":              deployments,
	"limit-cancel-new":                      deployments,
	"limit-changed":                         deployments,
	"limit-deleted-run":                     deployments,
	"limit-held":                            deployments,
	"limit-skipped":                         deployments,
	"limit-zero":                            deployments,
	"run-filter-by-deployments":             deployments,
	"suspend-and-resume":                    deployments,
	"events-unknown-flow-run":               "flows: an event of a task run is recorded although its flow run is not known: the flow run can be newer than what is known",
	"meta-cors":                             "browsers: Prefect lets every web page read responses and change runs; ours lets those of loopback addresses and of listed origins",
	"slots-reentry":                         "quirk: a run that is started again takes a second slot of the same limit; ours keeps the one it has",
}

// needControllers has the cases in which flow runs change by themselves.
var needControllers = map[string]bool{"late-by-itself": true, "tasks-of-a-cancelled-run": true, "subflow-cancelled-with-parent": true, "pause-expires": true}

// Reasons that many cases have.
const (
	deployments = "deployments: deployments are not kept"
)

// leftOutTags are the tags that a left-out case must carry one of. A case that carries one need not be left out.
var leftOutTags = []string{"flows", "deployments", "quirk", "browsers"}
