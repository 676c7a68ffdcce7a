package storm

// Rule names a sentence of STORM.md that a component can break. The package
// judge has the sentences.
type Rule string

// The rules that an adapter can see broken.
const (
	RulePID     Rule = "storm.pid"
	RuleFrame   Rule = "storm.frame"
	RuleStdout  Rule = "storm.stdout"
	RuleCommand Rule = "storm.command"
	RuleLog     Rule = "storm.log"
	RuleFields  Rule = "storm.fields"
	RuleTuple   Rule = "storm.tuple"
	RuleAnchors Rule = "storm.anchors"
	RuleAck     Rule = "storm.ack"
	RuleBeat    Rule = "storm.heartbeat"
	RuleTurn    Rule = "storm.turn"
)

// Breach is something that a component did against STORM.md. A host puts up
// with it as docs/storm-differences.md says; a judge does not.
type Breach struct {
	Rule    Rule
	What    string
	Message []byte // as the component wrote it, its beginning at least
}

// maxShown bounds what a breach keeps of a message.
const maxShown = 4 << 10

// breach notes a breach, where somebody wants to know of them.
func (a *Adapter) breach(rule Rule, what string) {
	if a.o.Strict {
		a.work.Breaches = append(a.work.Breaches, Breach{rule, what, append([]byte(nil), a.raw[:min(len(a.raw), maxShown)]...)})
	}
}

// Ask asks the child for a sign, once it is ready: a bolt by a heartbeat, a
// spout by activate. Answered tells whether it has come.
func (a *Adapter) Ask() {
	if a.o.Spout {
		a.spout.active = true
		a.order(activateTurn, nil)
	} else {
		a.mark()
	}
}

// Answered tells whether the child has ever answered a heartbeat, or ended a turn.
func (a *Adapter) Answered() bool { return a.answered }

// PID returns the process id that the child told; 0 before.
func (a *Adapter) PID() int64 { return a.pidTold }
