package multilang

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/vmihailenco/msgpack/v5"
)

// Hello is the first message of a child.
type Hello struct {
	Version     int      `msgpack:"version"`
	Level       string   `msgpack:"level"`
	Kind        string   `msgpack:"kind"` // "spout" or "bolt"
	SDK         string   `msgpack:"sdk"`
	Runtime     string   `msgpack:"runtime"`
	PID         int      `msgpack:"pid"` // as the child sees it; for messages only
	Features    []string `msgpack:"features"`
	StackSignal int      `msgpack:"stack_signal,omitempty"`
	Place       string   `msgpack:"place,omitempty"` // file:line of the user's code that runs the component; for messages only
}

// Has tells whether the child has a feature.
func (h *Hello) Has(feature string) bool {
	for _, f := range h.Features {
		if f == feature {
			return true
		}
	}
	return false
}

// The features that the host knows.
const (
	FeatureBeat   = "beat"   // the child writes beats by itself
	FeatureJSON   = "json"   // it reads mixed columns of kind 9
	FeatureStacks = "stacks" // a signal makes it print its stacks
)

// Welcome is the host's answer to Hello.
type Welcome struct {
	Version         int             `msgpack:"version"`
	Level           string          `msgpack:"level"`
	Topology        string          `msgpack:"topology"`
	Component       string          `msgpack:"component"`
	Kind            string          `msgpack:"kind"`
	Task            int             `msgpack:"task"`
	Index           int             `msgpack:"index"`
	Tasks           ComponentTasks  `msgpack:"tasks"`
	Dir             string          `msgpack:"dir"`
	Conf            map[string]any  `msgpack:"conf"`
	Inputs          []WelcomeInput  `msgpack:"inputs"`
	Outputs         []WelcomeOutput `msgpack:"outputs"`
	Direct          ComponentTasks  `msgpack:"direct,omitempty"` // by stream: the tasks that read it with direct grouping, where any does; nil: not told
	MaxMessageBytes int             `msgpack:"max_message_bytes"`
	BeatMillis      int             `msgpack:"beat_ms"`
	Concurrency     int             `msgpack:"concurrency"`
	LogLevel        int             `msgpack:"log_level"`
	Took            bool            `msgpack:"took,omitempty"` // replies are to tell the time in user code
}

// ComponentTasks are the tasks of every component.
type ComponentTasks map[string][]int

// EncodeMsgpack writes the components in order, so that the same welcome is
// always the same bytes: the encoder sorts the keys of a few types of map only.
func (t ComponentTasks) EncodeMsgpack(enc *msgpack.Encoder) error {
	if err := enc.EncodeMapLen(len(t)); err != nil {
		return err
	}
	for _, component := range slices.Sorted(maps.Keys(t)) {
		if err := enc.EncodeString(component); err != nil {
			return err
		}
		if err := enc.Encode(t[component]); err != nil {
			return err
		}
	}
	return nil
}

// IsZero tells whether nothing is told of them, which is not the same as that there are none.
func (t ComponentTasks) IsZero() bool { return t == nil }

// WelcomeInput is a stream that the component subscribes to.
type WelcomeInput struct {
	_msgpack  struct{} `msgpack:",as_array"` //lint:ignore U1000 the package looks for it
	Component string
	Stream    string
	Fields    []string
}

// WelcomeOutput is a stream that the component emits on.
type WelcomeOutput struct {
	_msgpack struct{} `msgpack:",as_array"` //lint:ignore U1000 the package looks for it
	Stream   string
	Fields   []string
}

// Ready is what a child says when its user code is initialised.
type Ready struct {
	Replays bool `msgpack:"replays"`
}

// AppendTyped appends a message that is its type and a map: hello, welcome, ready.
func AppendTyped(dst []byte, typ byte, v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := enc.Encode(v); err != nil {
		return dst, fmt.Errorf("encode %T: %w", v, err)
	}
	if _, err := Skip(buf.Bytes()); err != nil {
		return dst, fmt.Errorf("encode %T: %w", v, err)
	}
	return append(append(AppendArray(dst, 2), typ), buf.Bytes()...), nil
}

// typed decodes a map into v, behind the scanner: the decoder trusts what it reads.
func (r *reader) typed(v any) {
	b := r.value()
	if r.err != nil {
		return
	}
	if err := msgpack.Unmarshal(b, v); err != nil {
		r.fail(err.Error())
	}
}
