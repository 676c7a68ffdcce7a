package topology

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

var (
	nameForm  = regexp.MustCompile(namePattern)
	fieldForm = regexp.MustCompile(fieldPattern)
	envForm   = regexp.MustCompile(envPattern)

	notInNames = regexp.MustCompile(`[^A-Za-z0-9_-]+`)
)

// check reports what is wrong with a draft, whichever front end read it.
func (d *draft) check(p *problems) {
	if d.named {
		checkName(p, d.at, d.name)
	}
	d.checkSize(p)
	byID := map[ComponentID]*part{}
	var ids []string
	for _, c := range d.parts {
		checkName(p, c.at, string(c.ID))
		if first := byID[c.ID]; first != nil {
			p.add(c.at, "the id is taken by the %s %s: ids are unique in a topology", first.Kind, first.at.where())
			continue
		}
		byID[c.ID] = c
		ids = append(ids, string(c.ID))
	}
	for _, c := range d.parts {
		c.checkCommand(p)
		c.checkTimes(p, d.config)
		c.checkOutputs(p)
	}
	if d.cut {
		return
	}
	for _, c := range d.parts {
		for i := range c.inputs {
			c.inputs[i].check(p, byID, ids)
		}
		c.checkRepeats(p)
	}
	d.checkDirect(p)
	d.checkReach(p, byID)
}

// checkSize bounds what the engine has to hold.
func (d *draft) checkSize(p *problems) {
	tasks := 0
	for _, c := range d.parts {
		tasks += c.Parallelism
	}
	if len(d.parts) > maxComponents {
		p.add(d.at.in(""), "%d components are more than the limit of %d: split the topology", len(d.parts), maxComponents)
	}
	if tasks > maxTasks {
		p.add(d.at.in(""), "%d tasks in all are more than the limit of %d: lower the parallelism", tasks, maxTasks)
	}
}

// ValidName tells whether a text has the form of a topology's, a component's or
// a stream's name.
func ValidName(text string) bool { return nameForm.MatchString(text) }

// checkName checks the name of a topology, a component or a stream.
func checkName(p *problems, at place, name string) {
	switch {
	case nameForm.MatchString(name):
	case strings.HasPrefix(name, "__"):
		p.add(at, `%s is not free: names that begin with "__" are reserved for the system`, quote(name))
	default:
		p.add(at, `%s is not a name: a name is a letter, then at most 63 letters, digits, "-" and "_"%s`, quote(name), likeName(name))
	}
}

// likeName offers a name that looks like a text that is none.
func likeName(text string) string {
	name := strings.Trim(notInNames.ReplaceAllString(text, "-"), "-_")
	if name == text || !nameForm.MatchString(name) {
		return ""
	}
	return ", such as " + quote(name)
}

// checkArgument checks a text that becomes an argument or a value in the environment.
func checkArgument(p *problems, at place, text string) {
	if strings.ContainsRune(text, 0) {
		p.add(at, "%s holds a NUL character, which no program can be given", quote(text))
	}
	if len(text) > maxTextBytes {
		p.add(at, "%d bytes are more than the limit of %d: pass the name of a file", len(text), maxTextBytes)
	}
}

// checkTimes checks what must hold between durations, and what belongs together.
func (c *part) checkTimes(p *problems, g Config) {
	if c.Batch.Wait >= g.MessageTimeout && c.Batch.Wait > 0 {
		p.add(c.batch, "wait is %s, but a tuple fails after the topology's message_timeout of %s: wait less, or raise it", c.Batch.Wait, g.MessageTimeout)
	}
	if c.Multilang != "" && c.Protocol == ProtocolAuto {
		p.add(c.multilang, `it is for classic components: add "protocol: storm-json" or "storm-msgpack", or leave it out`)
	}
	checkArgument(p, c.multilang, c.Multilang)
}

func (c *part) checkOutputs(p *problems) {
	for i, s := range c.Outputs {
		at := c.streams[i]
		checkName(p, at.at, string(s.ID))
		first := make(map[string]int, len(s.Fields))
		for k, f := range s.Fields {
			checkField(p, at.fields[k], f)
			if j, twice := first[f]; twice {
				p.add(at.fields[k], "the field %s stands twice, it is also field %d: fields of a stream are distinct", quote(f), j)
				continue
			}
			first[f] = k
		}
	}
}

func checkField(p *problems, at place, f string) {
	n := utf8.RuneCountInString(f)
	switch {
	case n == 0:
		p.add(at, "a field's name is empty")
	case n > maxFieldChars:
		p.add(at, "a field's name of %d characters is longer than the limit of %d", n, maxFieldChars)
	case !fieldForm.MatchString(f):
		p.add(at, "the field's name %s holds a control character", quote(f))
	}
}

// check checks one input against the components, whose ids are listed for suggestions.
func (w *wire) check(p *problems, byID map[ComponentID]*part, ids []string) {
	from := byID[w.From]
	if from == nil {
		p.add(w.from.reading(w.From), "there is no component %s%s", quote(string(w.From)), w.suggestSource(p, byID, ids))
		return
	}
	if from.opaque || w.broken {
		return
	}
	stream := from.Output(w.Stream)
	if stream == nil {
		p.add(w.stream.reading(w.From), "%s", from.noStream(p, w.Stream))
		return
	}
	for i, f := range w.Group.Fields {
		switch {
		case !slices.Contains(stream.Fields, f):
			p.add(w.fields[i].reading(w.From), "the stream %s of %s has no field %s%s", quote(string(w.Stream)), quote(string(w.From)), quote(f), p.suggest(f, stream.Fields))
		case slices.Index(w.Group.Fields, f) < i:
			p.add(w.fields[i], "the field %s stands twice in the grouping: keep one", quote(f))
		}
	}
	if w.Group.Kind == GroupPlugin {
		checkName(p, w.group, w.Group.Plugin)
	}
}

// suggestSource guesses what an unknown component was meant to be. COMPONENT.STREAM is a usual guess of people.
func (w *wire) suggestSource(p *problems, byID map[ComponentID]*part, ids []string) string {
	for _, sep := range []string{".", ":", "/"} {
		if id, stream, ok := strings.Cut(string(w.From), sep); ok && byID[ComponentID(id)] != nil {
			return fmt.Sprintf(": write {from: %s, stream: %s}", id, clip(stream))
		}
	}
	return p.suggest(string(w.From), ids)
}

// noStream says that a component lacks a stream, and what it has.
func (c *part) noStream(p *problems, id StreamID) string {
	if len(c.Outputs) == 0 {
		return fmt.Sprintf(`%s emits nothing: give it an "output" with the fields of the stream %s`, quote(string(c.ID)), quote(string(id)))
	}
	var ids []string
	for _, s := range c.Outputs {
		ids = append(ids, string(s.ID))
	}
	return fmt.Sprintf("%s has no stream %s%s", quote(string(c.ID)), quote(string(id)), p.suggest(string(id), ids))
}

// checkRepeats reports streams that a bolt reads twice: it would get each tuple twice, never on purpose.
func (c *part) checkRepeats(p *problems) {
	first := map[source]int{}
	for i, w := range c.inputs {
		s := source{w.From, w.Stream}
		if j, twice := first[s]; twice {
			p.add(w.at.reading(w.From), "the stream %s of %s is read already, by inputs.%d: keep one", quote(string(w.Stream)), quote(string(w.From)), j)
			continue
		}
		first[s] = i
	}
}

// checkDirect reports streams that some read with direct and some without: an
// emit names its task or does not, so one of the two would never get a tuple.
func (d *draft) checkDirect(p *problems) {
	first := map[source]*wire{}
	for _, c := range d.parts {
		for i := range c.inputs {
			w := &c.inputs[i]
			if w.broken {
				continue
			}
			s := source{w.From, w.Stream}
			other := first[s]
			if other == nil {
				first[s] = w
			} else if (other.Group.Kind == GroupDirect) != (w.Group.Kind == GroupDirect) {
				p.add(w.group.reading(w.From), "the stream %s of %s is grouped by %s here and by %s in %s: direct is for all readers of a stream or for none",
					quote(string(w.Stream)), quote(string(w.From)), w.Group.Kind, other.Group.Kind, other.at.path)
			}
		}
	}
}

// checkReach reports bolts that no spout leads to. Where an input could not be
// read or names nobody, the bolt and what follows it get the benefit of the doubt.
func (d *draft) checkReach(p *problems, byID map[ComponentID]*part) {
	reached := map[*part]bool{}
	readers := map[ComponentID][]*part{}
	var next []*part
	for _, c := range d.parts {
		doubt := c.Kind == Spout || c.cut
		for _, w := range c.inputs {
			readers[w.From] = append(readers[w.From], c)
			doubt = doubt || byID[w.From] == nil
		}
		if doubt {
			reached[c], next = true, append(next, c)
		}
	}
	for len(next) > 0 {
		c := next[0]
		next = next[1:]
		for _, r := range readers[c.ID] {
			if !reached[r] {
				reached[r], next = true, append(next, r)
			}
		}
	}
	for _, c := range d.parts {
		if !reached[c] {
			p.add(c.at, "no spout leads to it: follow its inputs back and connect them to one")
		}
	}
}
