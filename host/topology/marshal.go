package topology

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Marshal writes a topology in the native form. It is canonical: equal
// topologies give equal bytes, whatever their files looked like; what has its
// default is left out, and config and env are sorted by key. [Load] of the
// result gives an equal topology, but for File and the places. It fails only for a topology that Load would not return.
func Marshal(t *Topology) ([]byte, error) {
	w := &writer{}
	root := mapNode(false)
	w.put(root, "name", w.text(string(t.Name)))
	if config := w.config(t.Config); len(config.Content) > 0 {
		w.put(root, "config", config)
	}
	for _, kind := range []Kind{Spout, Bolt} {
		group := mapNode(false)
		for _, c := range t.Components {
			if c.Kind == kind {
				w.put(group, string(c.ID), w.component(c, t.Config))
			}
		}
		if len(group.Content) > 0 {
			w.put(root, kind.String()+"s", group)
		}
	}
	if w.err != nil {
		return nil, fmt.Errorf("write topology %s as YAML: %w", t.Name, w.err)
	}
	out, err := yaml.Dump(root, yaml.WithIndent(2), yaml.WithLineWidth(-1), yaml.WithCompactSeqIndent(false))
	if err != nil {
		return nil, fmt.Errorf("write topology %s as YAML: %w", t.Name, err)
	}
	return out, nil
}

// writer builds the tree of a file. It keeps the first error.
type writer struct {
	err error
}

func mapNode(flow bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if flow {
		n.Style = yaml.FlowStyle
	}
	return n
}

func (w *writer) put(m *yaml.Node, key string, value *yaml.Node) {
	m.Content = append(m.Content, w.text(key), value)
}

// config writes what differs from the defaults.
func (w *writer) config(c Config) *yaml.Node {
	n, d := mapNode(false), DefaultConfig()
	if c.Workers != d.Workers {
		w.put(n, "workers", number(int64(c.Workers)))
	}
	w.duration(n, "message_timeout", c.MessageTimeout, d.MessageTimeout)
	if c.MaxPending != d.MaxPending {
		w.put(n, "max_pending", number(int64(c.MaxPending)))
	}
	if c.Acking != d.Acking {
		w.put(n, "acking", plain("!!bool", strconv.FormatBool(c.Acking)))
	}
	if c.MaxMessageBytes != d.MaxMessageBytes {
		w.put(n, "max_message_bytes", number(int64(c.MaxMessageBytes)))
	}
	w.timeouts(n, c.Defaults, d.Defaults)
	return n
}

// duration writes a duration that differs from its default; 0 is off.
func (w *writer) duration(m *yaml.Node, key string, d, usual time.Duration) {
	switch d {
	case usual:
	case 0:
		w.put(m, key, w.text("off"))
	default:
		w.put(m, key, w.text(durationText(d)))
	}
}

// durationText leaves out the zeros of Duration.String: 1m, not 1m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (w *writer) timeouts(m *yaml.Node, t, usual Timeouts) {
	w.duration(m, "startup_timeout", t.Startup, usual.Startup)
	w.duration(m, "heartbeat_timeout", t.Heartbeat, usual.Heartbeat)
	w.duration(m, "process_timeout", t.Process, usual.Process)
}

func (w *writer) component(c *Component, config Config) *yaml.Node {
	n := mapNode(false)
	w.put(n, "command", w.texts(c.Command))
	if len(c.Inputs) > 0 {
		w.put(n, "inputs", w.inputs(c.Inputs))
	}
	switch {
	case len(c.Outputs) == 1 && c.Outputs[0].ID == DefaultStream:
		w.put(n, "output", w.texts(c.Outputs[0].Fields))
	case len(c.Outputs) > 0:
		streams := mapNode(false)
		for _, s := range c.Outputs {
			w.put(streams, string(s.ID), w.texts(s.Fields))
		}
		w.put(n, "output", streams)
	}
	if c.Parallelism != 1 {
		w.put(n, "parallelism", number(int64(c.Parallelism)))
	}
	w.duration(n, "tick", c.Tick, 0)
	if c.Kind == Spout && c.Retries != DefaultRetries {
		w.put(n, "retries", number(int64(c.Retries)))
	}
	if c.Kind == Bolt && c.Concurrency != DefaultConcurrency {
		w.put(n, "concurrency", number(int64(c.Concurrency)))
	}
	if c.Batch.Max > 0 {
		batch := mapNode(true)
		w.put(batch, "max", number(int64(c.Batch.Max)))
		w.duration(batch, "wait", c.Batch.Wait, 0)
		w.put(n, "batch", batch)
	}
	w.timeouts(n, c.Timeouts, config.Defaults)
	if c.Protocol != ProtocolAuto {
		w.put(n, "protocol", w.text(c.Protocol.String()))
	}
	if c.Multilang != "" {
		w.put(n, "multilang_path", w.text(c.Multilang))
	}
	w.maps(n, c)
	return n
}

// maps writes config and env. Not set and empty are kept apart.
func (w *writer) maps(n *yaml.Node, c *Component) {
	if c.Env != nil {
		env := mapNode(len(c.Env) == 0)
		for _, key := range slices.Sorted(maps.Keys(c.Env)) {
			w.put(env, key, w.text(c.Env[key]))
		}
		w.put(n, "env", env)
	}
	if c.Conf != nil {
		w.put(n, "config", w.value(c.Conf))
	}
}

// inputs writes short forms on one line, and a line each where there is a longer one.
func (w *writer) inputs(inputs []Input) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, in := range inputs {
		item := w.input(in)
		if item.Kind != yaml.ScalarNode {
			n.Style = 0
		}
		n.Content = append(n.Content, item)
	}
	return n
}

func (w *writer) input(in Input) *yaml.Node {
	if in.Stream == DefaultStream && in.Group.Kind == GroupShuffle {
		return w.text(string(in.From))
	}
	n := mapNode(true)
	w.put(n, "from", w.text(string(in.From)))
	if in.Stream != DefaultStream {
		w.put(n, "stream", w.text(string(in.Stream)))
	}
	switch in.Group.Kind {
	case GroupShuffle:
	case GroupFields, GroupPartialKey:
		group := mapNode(true)
		w.put(group, in.Group.Kind.String(), w.texts(in.Group.Fields))
		w.put(n, "group", group)
	case GroupPlugin:
		group := mapNode(true)
		w.put(group, in.Group.Kind.String(), w.text(in.Group.Plugin))
		w.put(n, "group", group)
	default:
		w.put(n, "group", w.text(in.Group.Kind.String()))
	}
	return n
}

func (w *writer) texts(list []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, s := range list {
		n.Content = append(n.Content, w.text(s))
	}
	return n
}

// plainText is what every reader of YAML takes for text without quotes, in
// brackets too; the second form is that of durations.
var plainText = regexp.MustCompile(`^((-{1,2})?[A-Za-z][A-Za-z0-9_./-]*|[./][A-Za-z0-9_/-][A-Za-z0-9_./-]*|([0-9.]+(ns|µs|ms|s|m|h))+)$`)

// text writes a text, in quotes unless it cannot be taken for anything else.
func (w *writer) text(s string) *yaml.Node {
	if !utf8.ValidString(s) {
		w.fail(fmt.Errorf("the text %s is not UTF-8", quote(s)))
	}
	n := plain("!!str", s)
	if meant := resolve(s); !plainText.MatchString(s) || meant.kind != kindText || meant.trap != "" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

func plain(tag, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
}

func number(i int64) *yaml.Node {
	return plain("!!int", strconv.FormatInt(i, 10))
}

// value writes a value of a component's config.
func (w *writer) value(v any) *yaml.Node {
	switch v := v.(type) {
	case nil:
		return plain("!!null", "null")
	case bool:
		return plain("!!bool", strconv.FormatBool(v))
	case int:
		return number(int64(v))
	case int64:
		return number(v)
	case float64:
		return w.float(v)
	case string:
		return w.text(v)
	case []byte:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!binary", Style: yaml.TaggedStyle | yaml.DoubleQuotedStyle, Value: base64.StdEncoding.EncodeToString(v)}
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
		for _, item := range v {
			n.Content = append(n.Content, w.value(item))
		}
		return n
	case map[string]any:
		n := mapNode(len(v) == 0)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			w.put(n, key, w.value(v[key]))
		}
		return n
	}
	w.fail(fmt.Errorf("a config value of type %T has no place in a topology file", v))
	return plain("!!null", "null")
}

// float writes a float that reads as one: with a point or an exponent.
func (w *writer) float(f float64) *yaml.Node {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		w.fail(fmt.Errorf("the config value %v has no form in JSON", f))
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return plain("!!float", s)
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}
