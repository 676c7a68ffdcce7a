package judge

import "slices"

// Rule is a sentence of PROTOCOL.md, or of STORM.md, that a program can break.
type Rule struct {
	ID       string
	Sentence string // as it stands there, but for line breaks
}

// Document returns the name of the page that the sentence stands on.
func (r Rule) Document() string {
	if isStormRule(r.ID) {
		return "STORM.md"
	}
	return "PROTOCOL.md"
}

// Rules lists the rules of PROTOCOL.md, in the order of PROTOCOL.md. The slice is the caller's.
func Rules() []Rule { return append([]Rule(nil), rules...) }

var rules = []Rule{
	{"magic", "The child speaks first: the eight bytes `F5 50 42 4F 4C 54 31 0A`."},
	{"text", "Whatever it writes before them is log text."},
	{"frame", "each side writes **frames**: a 32-bit big-endian length, then that many bytes, which are one msgpack array whose first element is the message's type, a small integer."},
	{"extra", "A message may have more elements than this page names, a map more keys: ignore them."},
	{"unknown", "Ignore a message of unknown type 64 or above; a lower unknown type is an error."},
	{"error.stream", "Who meets an error in the stream says so on stderr and exits with a code other than 0."},
	{"size", "A frame is at most `max_message_bytes` + 65,536 bytes; a row at most `max_message_bytes`: a larger one fails the input row that led to it."},
	{"flush", "Flush what you write: a reply that lies in your buffer stalls the topology."},

	{"start", "initialise user code, then answer *ready*. No data comes before"},
	{"data", "(bolt) `n` rows; `seq` counts frames from 1; `input` is an index into welcome's `inputs`; `task` emitted them."},
	{"runs", "`runs`, u32s of (task, rows) pairs, when several tasks did."},
	{"next", "(spout) emit up to `rows` rows, about `bytes` bytes. Answer with *rows*"},
	{"outcome", "(spout) three u32s of row numbers (see *rows*): done; failed, and yours to replay; given up and kept in `dead.jsonl`"},
	{"activate", "(spout) call the hook. *activate* comes before the first *next*. *deactivate* ends all open answers: `final`, with what there is"},
	{"tick", "(bolt) the component's `tick` interval has passed. Emits go out as a *reply* to frame 0"},
	{"tasks", "u32s: the tasks that the rows of a group with option `ids` went to, row after row"},
	{"stop", "finish what you have, call `on_stop`, write what it emits as a *reply* to frame 0 (a spout: as *rows* to 0), exit 0 within the deadline"},
	{"level", "log only from this level on"},
	{"end", "Exit when stdin ends."},
	{"turn", "Messages may come while you work on a frame; they are in order, take them in turn."},

	{"hello", "hello: `map` | right after the magic"},
	{"ready", "ready: `map` | user code is initialised. `replays` true (spout): it handles `failed` itself, the host does not replay rows that want an outcome"},
	{"reply", "reply: `seq, first, n, groups, [side]` | (bolt) rows `first` … `first+n-1` of frame `seq` are covered, with what they emitted"},
	{"rows", "rows: `seq, final, first, groups` | (spout) emitted rows in answer to *next* `seq` (0: unasked); `final` true ends the answer"},
	{"beat", "beat | alive; written when nothing was written for welcome's `beat_ms` (only with feature `beat`)"},
	{"log", "log: `level, text, [logger]` | levels 0 trace, 1 debug, 2 info, 3 warn, 4 error"},
	{"error", "error: `error` | an error that belongs to no row"},
	{"metric", "metric: `[[name, kind, value] …]` | `counter` (add value), `gauge` (set), `histogram` (value is an array of observations)"},
	{"finish", "finish | (spout) there will be no more rows, but for those that an outcome leads to (a `fail` hook may emit). Every *next* is still to be answered"},

	{"hello.map", "**hello** `{\"version\": 1, \"level\": \"rows\"|\"columns\", \"kind\": \"spout\"|\"bolt\", \"sdk\": \"NAME VERSION\", \"runtime\": \"…\", \"pid\": N, \"features\": […], [\"place\": \"file:line\"]}`."},
	{"welcome", "**welcome** `{\"version\", \"level\", \"topology\", \"component\", \"kind\", \"task\", \"index\", \"tasks\": {component: [task …]}, \"dir\", \"conf\", \"inputs\": [[component, stream, [field …]] …], \"outputs\": [[stream, [field …]] …], \"direct\": {stream: [task …]}, \"max_message_bytes\", \"beat_ms\", \"concurrency\", \"log_level\", \"took\"}`."},
	{"error.map", "An **error** is a map: `kind` (`\"exception\"`, or `\"fail\"` when user code asked for it), `type`, `message`, `traceback` (text as the language prints it), `place` (`file:line` of the user's code)."},

	{"order", "Frames are covered in order and front to back: `first` is how many rows of `seq` were covered before."},
	{"prefix", "Cover a frame in one reply, row by row, or in between; do not sit on finished rows for more than about 5 ms."},
	{"unasked", "A reply may cover nothing (n = 0) and bring only what the row in progress has emitted, or a `side`."},
	{"covered", "A covered row is **acked** unless `side` says otherwise:"},
	{"failed", "`failed` | `[[row, error] …]`: rows of the covered range that failed"},
	{"held", "`held` | u32s: rows of the covered range that will be acked or failed later. A row that user code keeps is covered so; uncovered, it would keep further frames away"},
	{"acked", "`acked` | u32s of (seq, row) pairs: rows acked now, held ones (by this reply, too) or ones not yet covered"},
	{"late", "`late` | `[[seq, row, error] …]`: the same, failed"},

	{"group", "A **group** is what was emitted on one stream: `[stream, n, how, anchors, body, [options]]`; `stream` is an index into welcome's `outputs`, `n` the number of emitted rows."},
	{"how", "`how` says which input row each one is anchored to:"},
	{"how1", "1 | nil | emitted row *i* to covered row *i* (n = covered rows)"},
	{"how2", "2 | u32s, one per covered row | cumulative: covered row *i*'s last emitted row is before `anchors[i]`. Rows after the last end belong to the next row, still in progress"},
	{"how3", "3 | u32s of (seq, row) pairs, one pair per emitted row | any row not yet acked, failed, or covered before this reply without being held"},
	{"direct", "`direct`: u32s, the task for each emitted row"},
	{"multi", "`multi`: `[[i, u32s of (seq, row) pairs] …]`: emitted row *i* has these anchors instead, or none"},
	{"ids", "`ids`: a request number, in a group of exactly one row; the host answers *tasks* with it, perhaps after messages that it sent before."},
	{"numbers", "A spout numbers its rows from 0 (modulo 2^32) over its life, in the order they stand on the wire; `first` is the number of the message's first row."},
	{"wants", "Its groups say in `how` which rows want an *outcome*: 0 none (the host replays them by itself), 1 all, 2 those at the positions in `anchors` (u32s)."},
	{"wait", "a spout that has nothing to emit waits a little before it ends an answer (1 ms, doubling to 50 ms), or until it has something, and takes messages meanwhile."},

	{"row", "An array of `n` rows, each an array with one value per field:"},
	{"values", "nil, bool, int (−2^63 … 2^63−1), float, str, bin, array, map, and the timestamp extension (−1: 4, 8 or 12 bytes)."},
	{"columns", "An array with one msgpack *ext* per field; its type is the column's kind, its data the values of all `n` rows:"},
	{"share", "What a receiver gets must not depend on which rows share a frame."},
}

func isRule(id string) bool {
	return slices.ContainsFunc(slices.Concat(rules, stormRules), func(r Rule) bool { return r.ID == id })
}

// ruleOf returns a rule by its name, which is one of the table.
func ruleOf(id string) Rule {
	for _, r := range rules {
		if r.ID == id {
			return r
		}
	}
	panic("no rule is called " + id)
}
