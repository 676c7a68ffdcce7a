package judge

import (
	"strings"

	"github.com/polybolt/polybolt/multilang/storm"
)

// StormRules lists the sentences of STORM.md that a component written for Storm
// can break. The slice is the caller's.
func StormRules() []Rule { return append([]Rule(nil), stormRules...) }

// Rules that a judge sees broken; package storm has the others.
const (
	stormEnd    = "storm.end"
	stormOrder  = "storm.order"
	stormTick   = "storm.tick"
	stormID     = "storm.id"
	stormTask   = "storm.task"
	stormIDs    = "storm.ids"
	stormLog    = string(storm.RuleLog)
	stormValues = "storm.values"
)

var stormRules = []Rule{
	{string(storm.RuleFrame), "In the JSON form, a message is one JSON object (for task ids, one array), closed by a line that holds `end` and nothing else."},
	{string(storm.RuleStdout), "Nothing else is written to stdout: not a word that user code prints."},
	{stormEnd, "The child ends when its stdin does."},
	{string(storm.RulePID), "The child's first message is `{\"pid\": N}`, and it leaves an empty file named N in `pidDir`."},
	{string(storm.RuleCommand), "Every further message of the child has a `command`: `emit`, `ack`, `fail`, `log`, `error`, `metrics` or `sync`."},
	{string(storm.RuleFields), "`stream` and `name` are strings, `task` is a whole number, `need_task_ids` a boolean, `tuple` a list, `anchors` a list of ids or one id."},
	{stormValues, "Values are what both ends can hold: integers of 64 bits, whole characters, nothing nested deeper than 32."},
	{stormLog, "`log` has `msg` and a `level`: 0 trace, 1 debug, 2 info, 3 warn, 4 error."},
	{stormOrder, "A bolt is given tuples, `{\"id\": …, \"comp\": …, \"stream\": …, \"task\": N, \"tuple\": […]}`, and takes them in the order in which they come."},
	{string(storm.RuleAck), "It acks or fails each tuple once, by its `id`, sooner or later."},
	{string(storm.RuleBeat), "A tuple of stream `__heartbeat` is answered with `sync`, and neither acked nor failed."},
	{stormTick, "A tuple of stream `__tick` is one like any other."},
	{string(storm.RuleTurn), "It ends the turn of each with one `sync`."},
	{stormID, "What it emits with an `id` is acked or failed later, by the same `id`, of the same type."},
	{string(storm.RuleTuple), "A tuple has a value for each field of its stream, which is one that the component declares."},
	{string(storm.RuleAnchors), "`anchors` are ids of tuples that are neither acked nor failed."},
	{stormTask, "An emit to a `task` goes there, and has no answer."},
	{stormIDs, "Every other emit is answered with a list of task ids, in the order of the emits, unless it says `\"need_task_ids\": false`."},
}

// inStorm says which sentence of STORM.md a component written for Storm breaks
// where one of ours would have broken one of PROTOCOL.md.
var inStorm = map[string]string{
	"magic": string(storm.RulePID), "ready": string(storm.RulePID), "frame": string(storm.RuleFrame), "text": string(storm.RuleStdout),
	"stop": stormEnd, "end": stormEnd, "turn": stormOrder, "order": stormOrder, "prefix": string(storm.RuleAck), "covered": string(storm.RuleAck), "flush": string(storm.RuleAck),
	"failed": string(storm.RuleAck), "held": string(storm.RuleAck), "acked": string(storm.RuleAck), "late": string(storm.RuleAck), "error.map": string(storm.RuleAck),
	"next": string(storm.RuleTurn), "rows": string(storm.RuleTurn), "activate": string(storm.RuleTurn), "wait": string(storm.RuleTurn), "numbers": string(storm.RuleTurn),
	"outcome": stormID, "wants": stormID, "tick": stormTick, "data": stormOrder, "runs": stormOrder, "direct": stormTask,
	"how": string(storm.RuleAnchors), "multi": string(storm.RuleAnchors), "how2": string(storm.RuleAnchors), "how3": string(storm.RuleAnchors),
	"size": stormValues, "values": stormValues, "share": stormValues, "row": string(storm.RuleTuple), "columns": stormValues, "welcome": string(storm.RulePID),
	"log": stormLog, "error": stormLog, "metric": stormLog, "ids": stormIDs, "tasks": stormIDs,
}

func isStormRule(id string) bool { return strings.HasPrefix(id, "storm.") }

// stormRuleOf returns the sentence of STORM.md for a rule of either protocol.
func stormRuleOf(id string) Rule {
	if other, ok := inStorm[id]; ok {
		id = other
	}
	for _, r := range stormRules {
		if r.ID == id {
			return r
		}
	}
	panic("no rule of STORM.md is meant by " + id)
}
