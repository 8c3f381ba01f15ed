package rest

import "net/http"

// Verb is what a route does to runs, in the words of Kubernetes: what a caller
// has to be allowed.
type Verb string

// The verbs. Anonymous routes show nothing of any run.
const (
	VerbAnonymous Verb = ""
	VerbCreate    Verb = "create"
	VerbGet       Verb = "get"
	VerbList      Verb = "list"
	VerbUpdate    Verb = "update"
	VerbDelete    Verb = "delete"
)

// idParameter stands in a path for the id of a run or state.
const idParameter = "{id}"

// route is one thing a client can ask for.
type route struct {
	method, path string // the path without the base
	verb         Verb
	summary      string
	handle       func(*Server, *request) (response, error)

	body        bool                    // there may be a body, which is then JSON
	anyVersion  bool                    // also clients of a bad API version are answered
	explainGone func(id string) problem // what is said when there is no such run or state

	// talk makes the route a websocket. Then there is nothing for requests
	// that ask for none (contract §1.6).
	talk conversation
}

// table lists all routes. The order counts where a path has several methods:
// the answer to any other names the first (contract §1.1).
func table() []route {
	const (
		run   = "/task_runs/" + idParameter
		state = "/task_run_states/" + idParameter
	)
	return []route{
		{
			method: http.MethodPost, path: "/task_runs/", verb: VerbCreate, summary: "create a run, or find the one of its keys",
			handle: (*Server).create, body: true,
		},
		{
			method: http.MethodPatch, path: run, verb: VerbUpdate, summary: "rename a run",
			handle: (*Server).rename, body: true, explainGone: saysDetail("Task run not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/count", verb: VerbList, summary: "count the runs that match",
			handle: (*Server).count, body: true,
		},
		{
			method: http.MethodGet, path: run, verb: VerbGet, summary: "read a run",
			handle: (*Server).read, explainGone: saysDetail("Task not found"),
		},
		{
			method: http.MethodPost, path: "/task_runs/filter", verb: VerbList, summary: "read the runs that match",
			handle: (*Server).filter, body: true,
		},
		{
			method: http.MethodDelete, path: run, verb: VerbDelete, summary: "delete a run with its states",
			handle: (*Server).remove, explainGone: saysDetail("Task not found"),
		},
		{
			method: http.MethodPost, path: run + "/set_state", verb: VerbUpdate, summary: "propose a state for a run",
			handle: (*Server).setState, body: true, explainGone: saysRunNotFound,
		},
		{
			method: http.MethodGet, path: state, verb: VerbGet, summary: "read a state",
			handle: (*Server).readState, explainGone: saysDetail("Flow run state not found"),
		},
		{
			method: http.MethodGet, path: "/task_run_states/", verb: VerbGet, summary: "read the states of a run",
			handle: (*Server).listStates,
		},
		{
			method: http.MethodPost, path: "/events", verb: VerbUpdate, summary: "report states of runs",
			handle: (*Server).postEvents, body: true,
		},
		{
			method: http.MethodGet, path: "/task_runs/subscriptions/scheduled", verb: VerbUpdate, summary: "be given runs to execute",
			talk: (*Server).subscription,
		},
		{method: http.MethodGet, path: "/events/in", verb: VerbUpdate, summary: "report states of runs as they come", talk: (*Server).eventsIn},
		{method: http.MethodGet, path: "/events/out", verb: VerbList, summary: "hear of the states of runs as they come", talk: (*Server).eventsOut},
		{method: http.MethodGet, path: "/health", summary: "tell that the server lives", handle: (*Server).health, anyVersion: true},
		{method: http.MethodGet, path: "/version", summary: "read the version of this interface", handle: (*Server).version, anyVersion: true},
		{method: http.MethodGet, path: "/ready", summary: "tell whether runs can be served", handle: (*Server).ready},
		{method: http.MethodGet, path: "/hello", summary: "be greeted", handle: (*Server).hello},
		{method: http.MethodGet, path: "/admin/version", summary: "read the version of Prefect", handle: (*Server).adminVersion},
		{method: http.MethodGet, path: "/csrf-token", summary: "learn that no token is needed", handle: (*Server).csrfToken},
	}
}
