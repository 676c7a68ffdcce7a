package api

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// Audited is a change that somebody asked for, whatever came of it; also one that
// was refused for want of rights.
type Audited struct {
	Time     time.Time
	Change   string // deploy, or a verb
	Topology topology.Name
	What     Details
	Who      string // of a certificate; empty: a token was shown
	Role     Role
	From     string
	ID       string // of the change, if it has begun
	Err      string // why not, if it has not
}

// audit leaves a line of a change, and tells of it.
func (h *handler) audit(r *http.Request, change string, what Details, a *Accepted, err error) {
	who := askerOf(r)
	x := Audited{Time: time.Now(), Change: change, Topology: name(r), What: what, Who: who.Name, Role: who.Role, From: sender(r)}
	attrs := []any{"change", change, "topology", string(x.Topology), "role", who.Role, "from", x.From}
	if who.Name != "" {
		attrs = append(attrs, "who", who.Name)
	}
	if a != nil && a.ID != "" {
		x.ID = a.ID
		attrs = append(attrs, "id", a.ID)
	}
	attrs = append(attrs, what.attrs()...)
	if err != nil {
		x.Err = err.Error()
		attrs = append(attrs, "err", err)
	}
	h.Log.Info("audit", attrs...)
	if h.Audit != nil {
		h.Audit(x)
	}
}

// Details say what a change asks for, in order. Whatever may be a secret is left out.
type Details []Detail

// Detail is one setting of a change.
type Detail struct{ Key, Value string }

// maxDetail bounds what is told of one setting, in bytes.
const maxDetail = 1000

func (d *Details) add(key, value string) {
	if len(value) > maxDetail {
		value = strings.ToValidUTF8(value[:maxDetail], "") + "…"
	}
	*d = append(*d, Detail{key, value})
}

// addTime adds a time that was given.
func (d *Details) addTime(key string, t time.Duration) {
	if t != 0 {
		d.add(key, t.String())
	}
}

// addNumber adds a number that was given.
func (d *Details) addNumber(key string, n int64) {
	if n != 0 {
		d.add(key, strconv.FormatInt(n, 10))
	}
}

// String returns all as KEY=VALUE.
func (d Details) String() string {
	var parts []string
	for _, x := range d {
		value := x.Value
		if value == "" || strings.ContainsAny(value, " \t\r\n\"") {
			value = strconv.Quote(value)
		}
		parts = append(parts, x.Key+"="+value)
	}
	return strings.Join(parts, " ")
}

func (d Details) attrs() []any {
	var attrs []any
	for _, x := range d {
		attrs = append(attrs, slog.String(x.Key, x.Value))
	}
	return attrs
}

// details says what a change asks for.
func (c *ChangeRequest) details() (d Details) {
	d.addNumber("workers", int64(c.Workers))
	var parallelism []string
	for _, id := range slices.Sorted(maps.Keys(c.Parallelism)) {
		parallelism = append(parallelism, fmt.Sprintf("%s=%d", id, c.Parallelism[id]))
	}
	if len(parallelism) > 0 {
		d.add("parallelism", strings.Join(parallelism, ","))
	}
	d.addNumber("version", int64(c.Version))
	if c.Wait != nil {
		d.add("wait", c.Wait.String())
	}
	if c.Component != "" {
		d.add("component", string(c.Component))
	}
	if c.Level != "" || c.Verb == SetLevel {
		d.add("level", c.Level)
	}
	d.addTime("for", c.For)
	d.addTime("timeout", c.Timeout)
	d.addTime("drain", c.Drain)
	return d
}

// deployDetails says what a deploy asks for, whether or not it is one that can be read.
func deployDetails(q url.Values) (d Details) {
	d.add("file", q.Get("file"))
	if set := q["set"]; len(set) > 0 {
		var told []string
		for _, s := range set {
			told = append(told, withoutSecret(s))
		}
		d.add("set", strings.Join(told, ","))
	}
	for _, key := range []string{"timeout", "drain", "wait"} {
		if v := q.Get(key); v != "" {
			d.add(key, v)
		}
	}
	return d
}

// harmlessSetting matches what a topology's file says of Polybolt itself. All
// else is for user code, and may be a password.
var harmlessSetting = regexp.MustCompile(`^(config\.(workers|message_timeout|max_pending|acking|max_message_bytes)|(spouts|bolts)\.[A-Za-z0-9_-]+\.(parallelism|tick|retries|concurrency|protocol)|((spouts|bolts)\.[A-Za-z0-9_-]+|config)\.(startup|heartbeat|process)_timeout)$`)

// withoutSecret returns PATH=VALUE, with the value if it cannot be a secret.
func withoutSecret(set string) string {
	path, value, _ := strings.Cut(set, "=")
	if len(path) > maxDetail/4 {
		path = strings.ToValidUTF8(path[:maxDetail/4], "") + "…"
	}
	if !harmlessSetting.MatchString(path) || len(value) > 40 {
		value = "…"
	}
	return path + "=" + value
}
