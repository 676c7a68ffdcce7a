package flux

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// settings is what the file's "config" means for its components.
type settings struct {
	msgpack bool
	tick    *yaml.Node
	env     *yaml.Node
	conf    []*yaml.Node // keys and values that every component gets in its own conf
}

// meaningless are settings of Storm's that say how its JVMs do something, or
// that Polybolt needs no telling. Components see them in their conf all the same.
var meaningless = []string{"topology.debug", "topology.optimize", "topology.worker.childopts", "topology.executor.receive.buffer.size", "topology.transfer.buffer.size"}

// config reads the settings of the topology.
func (b *builder) config(n *yaml.Node) *yaml.Node {
	if n == nil {
		return mapping(&yaml.Node{})
	}
	out := mapping(resolved(n))
	m := resolved(n)
	b.entries(n, "config")
	readAsYAML11(n)
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		b.setting(out, key, value)
	}
	return out
}

func (b *builder) setting(out, key, value *yaml.Node) {
	v := resolved(value)
	switch key.Value {
	case "topology.workers":
		putNamed(out, key, "workers", v)
	case "topology.message.timeout.secs":
		b.secondsTo(out, key, v, "message_timeout")
	case "topology.subprocess.timeout.secs":
		// In Storm it ends who has said nothing for so long while there is work: that
		// is the clock of a row here. The other one ends who is stopped.
		b.secondsTo(out, key, v, "heartbeat_timeout")
		b.secondsTo(out, key, v, "process_timeout")
	case "topology.max.spout.pending":
		if !isNull(v) {
			putNamed(out, key, "max_pending", v)
		}
	case "topology.acker.executors", "topology.ackers":
		if v.Value == "0" {
			putNamed(out, key, "acking", plain(v, "false"))
		} else if !isNull(v) {
			b.note(key, "%s: tracking is part of the workers here, only 0 (off) has a meaning", key.Value)
		}
	case "topology.enable.message.timeouts":
		if v.Value == "false" {
			b.fail(key, "%s: false has no counterpart, a lost tuple would never be replayed: raise topology.message.timeout.secs instead", key.Value)
		}
	case "topology.tick.tuple.freq.secs":
		b.shared.tick = v
	case "topology.environment":
		b.shared.env = v
	case "topology.multilang.serializer":
		b.serializer(key, v)
	default:
		if slices.Contains(meaningless, key.Value) || strings.HasPrefix(key.Value, "topology.") || strings.HasPrefix(key.Value, "storm.") {
			b.note(key, "%s has no counterpart here: components see it in their conf, nothing else reads it", key.Value)
		}
		b.shared.conf = append(b.shared.conf, key, v)
	}
}

func (b *builder) serializer(key, v *yaml.Node) {
	name := strings.ToLower(shortName(v.Value))
	switch {
	case strings.Contains(name, "json"):
	case strings.Contains(name, "msgpack") || strings.Contains(name, "messagepack"):
		b.shared.msgpack = true
	default:
		b.fail(key, "%s: %q is a Java class that is not known here: there are JSON (the default) and msgpack", key.Value, v.Value)
	}
}

// secondsTo writes a number of seconds as a duration.
func (b *builder) secondsTo(out, key, v *yaml.Node, name string) {
	if isNull(v) {
		return
	}
	f, err := strconv.ParseFloat(v.Value, 64)
	if err != nil || f <= 0 || f > 1e8 || math.IsNaN(f) {
		b.fail(v, "%s is a number of seconds above 0, found %q", key.Value, v.Value)
		return
	}
	putNamed(out, key, name, scalar(v, duration(f)))
}

func duration(seconds float64) string {
	if seconds == math.Trunc(seconds) {
		return strconv.FormatInt(int64(seconds), 10) + "s"
	}
	return fmt.Sprintf("%dms", int64(math.Round(seconds*1000)))
}
