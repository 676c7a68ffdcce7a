package storm

// command is what a message from a child wants.
type command uint8

const (
	unknownCommand command = iota
	pidAnswer
	emitCommand
	ackCommand
	failCommand
	logCommand
	errorCommand
	metricsCommand
	syncCommand
)

var commands = map[string]command{
	"emit": emitCommand, "ack": ackCommand, "fail": failCommand, "log": logCommand,
	"error": errorCommand, "metrics": metricsCommand, "sync": syncCommand,
}

// message is a message from a child, whatever its form. Its slices are valid
// until the next one is read into it.
type message struct {
	command command
	name    string // of the command
	pid     int64

	id      []byte   // as the child wrote it; nil if there is none
	row     uint64   // the number that id spells; 0 if it spells none
	anchors []uint64 // the numbers of the anchors, 0 for one that is none
	stream  string
	task    int64
	direct  bool
	needIDs bool

	values []byte // of the tuple, as msgpack, one after another
	ends   []int  // where each ends
	tuple  bool   // there is one

	text   string
	level  int
	metric string
	params []byte // as msgpack

	// problem says why the message cannot be obeyed, though the stream is
	// whole: a value that no message of ours can carry, a field of another type.
	problem string
	at      int  // of the value in the tuple that is the problem, from 1; 0: it is no value
	large   bool // it is beyond the limit, and only its beginning was read
}

// maxText bounds the texts of an error or a log line.
const maxText = 64 << 10

func (m *message) reset() {
	*m = message{stream: defaultStream, needIDs: true, level: 2, anchors: m.anchors[:0], values: m.values[:0], ends: m.ends[:0], params: m.params[:0]}
}

// wrong notes the first thing that keeps the message from being obeyed.
func (m *message) wrong(why string) {
	if m.problem == "" {
		m.problem = why
	}
}

// wrongValue is wrong about the tuple's value at i.
func (m *message) wrongValue(i int, why string) {
	if m.problem == "" {
		m.problem, m.at = why, i+1
	}
}

// finish gives the message its command once all keys are read.
func (m *message) finish(hasPID bool) bool {
	m.command = commands[m.name]
	if m.name == "" && hasPID {
		m.command = pidAnswer
	}
	if m.command == emitCommand && !m.tuple {
		m.wrong("it has no tuple")
	}
	return m.command != unknownCommand || m.name != ""
}

// number reads the digits of an id that we gave out; 0 if they are none.
func number(text []byte) uint64 {
	if len(text) == 0 || len(text) > 19 {
		return 0
	}
	n := uint64(0)
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + uint64(c-'0')
	}
	return n
}

func clipped(s []byte) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return string([]rune(string(s))) // each stray byte becomes U+FFFD
}
