package api

import (
	_ "embed"
	"net/http"
)

// route is a request that the API answers. The table of routes is what the
// server serves and what its description is made from.
type route struct {
	method, path string
	id           string // names it in the description
	summary      string
	role         Role // that it needs at least, if nobody else decides about rights
	late         bool // it asks who may by itself, when it has read what is asked for
	query        []parameter
	body         any    // of the request, as JSON; nil: none
	bodyType     string // of the request if it is not JSON
	answer       any    // a sample: its type is described; a slice: its elements
	answerType   string // if it is not JSON: then answer is one of its lines, or nil
	here         bool   // any nimbus answers it, not the leader alone
	serve        http.HandlerFunc
}

// parameter is one of a route's query.
type parameter struct {
	name, kind, text string
	required         bool
}

// description is made from the routes: `go test ./host/api -update` writes it.
//
//go:embed openapi.json
var description []byte

const (
	ndjson      = "application/x-ndjson"
	eventStream = "text/event-stream"
)

func (h *handler) routes() []route {
	streams := &eventStreams{h: h}
	tail := parameter{name: "tail", kind: "integer", text: "how many of the last ones; 100 if absent, 10000 at most"}
	const one = "/v1/topologies/{name}"
	return []route{
		{method: "GET", path: "/v1/me", id: "me", summary: "Who asks", role: Viewer, answer: Me{}, here: true, serve: h.me},
		{method: "GET", path: "/v1/openapi.json", id: "openapi", summary: "This description", role: Viewer, answer: map[string]any{}, here: true, serve: h.describe},
		{method: "GET", path: "/v1/cluster", id: "cluster", summary: "The machines and daemons", role: Viewer, answer: Cluster{}, serve: h.cluster},
		{method: "GET", path: "/v1/events", id: "clusterEvents", summary: "Server-sent events: cluster and topologies, when they change; trouble; end",
			role: Viewer, answerType: eventStream, serve: streams.ofCluster},
		{method: "GET", path: "/v1/topologies", id: "list", summary: "All topologies, by name", role: Viewer, answer: []Topology{}, serve: h.list},
		{method: "GET", path: one, id: "status", summary: "All that is known of one topology", role: Viewer, answer: Status{}, serve: h.status},
		{method: "GET", path: one + "/definition", id: "definition", summary: "What a topology is made of: the graph, and the file", role: Viewer, answer: Definition{}, serve: h.definition},
		{method: "GET", path: one + "/figures", id: "figures", summary: "The figures of a topology's workers, which are asked for them now", role: Viewer, answer: Figures{}, serve: h.figures},
		{method: "GET", path: one + "/history", id: "history", summary: "What happened over the last ten minutes, three hours, day, and ever, with points for charts", role: Viewer, answer: History{}, serve: h.history,
			query: []parameter{{name: "component", kind: "string", text: "only of it, task by task; the whole topology if absent"}, {name: "window", kind: "string", text: "points of this one: 10m, 3h or 1d"}}},
		{method: "GET", path: one + "/errors", id: "errors", summary: "The first and the last errors of each component, also of the run before and of one that was given up", role: Viewer, answer: []ComponentErrors{}, serve: h.errors},
		{method: "GET", path: one + "/events", id: "events", summary: "Server-sent events: status, figures and errors, when they change; trouble; end",
			role: Viewer, answerType: eventStream, serve: streams.ofTopology},
		{method: "GET", path: one + "/logs", id: "logs", summary: "Lines of the logs of all machines, in the order of time, one of JSON a line; an empty line is a sign of life",
			role: Viewer, answer: LogLine{}, answerType: ndjson, serve: h.logs, query: []parameter{
				{name: "component", kind: "string", text: "only its lines"},
				{name: "level", kind: "string", text: "only lines of this level and worse: trace, debug, info, warn, error"},
				{name: "search", kind: "string", text: "only lines that have this in their text, logger, host or other attributes, whatever its case"},
				{name: "since", kind: "string", text: "only lines from then on: a time, as 2006-01-02T15:04:05Z, or how long ago, as 10m; then tail is 10000 if absent"},
				{name: "tail", kind: "string", text: "how many of the last ones of each machine; 100 if absent, 10000 at most; none: with follow, nothing that is there already"},
				{name: "follow", kind: "boolean", text: "go on with what is written from now on"},
			}},
		{method: "GET", path: one + "/dead", id: "dead", summary: "The last tuples that were given up, one of JSON a line",
			role: Viewer, answer: DeadTuple{}, answerType: ndjson, serve: h.dead, query: []parameter{tail}},
		{method: "GET", path: one + "/tap", id: "tap", summary: "Tuples as they pass, one event of JSON a line, with what was dropped: it slows nobody down; an empty line is a sign of life",
			role: Viewer, answer: TapEvent{}, answerType: ndjson, serve: h.tap, query: []parameter{
				{name: "edge", kind: "string", text: "FROM, FROM:STREAM, FROM->TO or FROM:STREAM->TO", required: true},
				{name: "where", kind: "string", text: `a condition that they meet, as word == "a" and n > 3`},
				{name: "sample", kind: "number", text: "the share of tuples that is looked at, above 0, up to 1; all if absent"},
				{name: "field", kind: "string", text: "to be shown; may be given several times; all if absent"},
				{name: "limit", kind: "integer", text: "tuples after which it ends"},
				{name: "for", kind: "string", text: "time after which it ends: 30s"},
			}},
		{method: "GET", path: one + "/stacks", id: "stacks", summary: "Where the running code of a component is, a busy one included", role: Viewer, answer: []Stacks{}, serve: h.stacks, query: []parameter{
			{name: "component", kind: "string", text: "whose children are asked", required: true},
			{name: "task", kind: "integer", text: "only this one; all of the component if absent"},
		}},
		{method: "POST", path: one + "/change", id: "change", summary: "Activate, deactivate, rebalance, roll back, kill", role: Operator, late: true, body: ChangeRequest{}, answer: Accepted{}, serve: h.change},
		{method: "POST", path: one + "/deploy", id: "deploy", summary: "Take code, which is the body, and begin to bring it up", role: Admin, bodyType: bundleType, answer: Accepted{}, serve: h.deploy,
			query: []parameter{
				{name: "file", kind: "string", text: "the topology's file in the bundle", required: true},
				{name: "set", kind: "string", text: "PATH=VALUE; may be given several times"},
				{name: "timeout", kind: "string", text: "for the new version to be ready: 60s", required: true},
				{name: "drain", kind: "string", text: "for the old version to finish what is in flight: 30s", required: true},
				{name: "wait", kind: "boolean", text: "refuse it if there are no slots for it now"},
			}},
	}
}

// describe answers with the description of the API.
func (h *handler) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(description) // who does not listen misses it
}
