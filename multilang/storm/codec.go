package storm

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/polybolt/polybolt/multilang"
)

// codec writes what Storm would, in either form.
type codec struct {
	form   Form
	json   jsonWriter
	frames lines
	maps   maps
	inputs [][]byte // what a tuple of each input says of its origin

	index  []multilang.Index // of the columns being written
	fields int
}

func newCodec(o *Options) *codec {
	c := &codec{form: o.Form, json: jsonWriter{bareNaN: o.BareNaN}, frames: lines{limit: 2*o.Limit + multilang.FrameSlack}, maps: maps{limit: o.Limit + multilang.FrameSlack}}
	for _, in := range o.Inputs {
		c.inputs = append(c.inputs, c.origin(in.Component, in.Stream))
	}
	return c
}

// origin writes the keys comp and stream.
func (c *codec) origin(component, stream string) []byte {
	if c.form == Msgpack {
		b := multilang.AppendStr(nil, "comp")
		if component == "" {
			b = multilang.AppendNil(b)
		} else {
			b = multilang.AppendStr(b, component)
		}
		return multilang.AppendStr(multilang.AppendStr(b, "stream"), stream)
	}
	b := []byte(`"comp":`)
	if component == "" {
		b = append(b, "null"...)
	} else {
		b = appendString(b, component)
	}
	return appendString(append(b, `,"stream":`...), stream)
}

const jsonEnd = "\nend\n"

// appendSetup writes the first message.
func (c *codec) appendSetup(dst []byte, o *Options) ([]byte, error) {
	setup, err := multilang.Append(nil, map[string]any{"pidDir": o.PIDDir, "conf": o.Conf, "context": o.Context})
	if err != nil {
		return dst, fmt.Errorf("the setup message: %w", err)
	}
	if c.form == Msgpack {
		return append(dst, setup...), nil
	}
	v, _, err := multilang.Decode(setup)
	if err == nil {
		dst, err = jsonWriter{bareNaN: c.json.bareNaN, base64: true}.appendValue(dst, v)
	}
	return append(dst, jsonEnd...), err
}

// appendHead writes a tuple up to its values.
func (c *codec) appendHead(dst []byte, id uint64, origin []byte, task int64, fields int) []byte {
	if c.form == Msgpack {
		dst = multilang.AppendStr(append(dst, 0x85), "id")
		dst = multilang.AppendStr(dst, strconv.AppendUint(make([]byte, 0, 20), id, 10))
		dst = multilang.AppendInt(multilang.AppendStr(append(dst, origin...), "task"), task)
		return multilang.AppendArray(multilang.AppendStr(dst, "tuple"), fields)
	}
	dst = strconv.AppendUint(append(dst, `{"id":"`...), id, 10)
	dst = append(append(dst, `",`...), origin...)
	dst = strconv.AppendInt(append(dst, `,"task":`...), task, 10)
	return append(dst, `,"tuple":[`...)
}

func (c *codec) appendTail(dst []byte) []byte {
	if c.form == Msgpack {
		return dst
	}
	return append(append(dst, ']', '}'), jsonEnd...)
}

// appendSystem writes a tuple of the system: a tick or a heartbeat.
func (c *codec) appendSystem(dst []byte, id uint64, component, stream string, values ...int64) []byte {
	dst = c.appendHead(dst, id, c.origin(component, stream), -1, len(values))
	for i, v := range values {
		if c.form == Msgpack {
			dst = multilang.AppendInt(dst, v)
			continue
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, v, 10)
	}
	return c.appendTail(dst)
}

// columns makes ready the n rows of a data message.
func (c *codec) columns(cols []multilang.Column, n int) {
	for len(c.index) < len(cols) {
		c.index = append(c.index, multilang.Index{})
	}
	c.fields = len(cols)
	for k, col := range cols {
		c.index[k].Set(col, n)
	}
}

// appendRow writes row i of the columns as a tuple. An error means that it
// cannot be told, and dst is returned as it was.
func (c *codec) appendRow(dst []byte, id uint64, input int, task int64, i int) ([]byte, error) {
	out := c.appendHead(dst, id, c.inputs[input], task, c.fields)
	for k := range c.fields {
		x := &c.index[k]
		if c.form == Msgpack {
			out = x.AppendValue(out, i)
			continue
		}
		if k > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = c.appendCell(out, x, i); err != nil {
			return dst, err
		}
	}
	return c.appendTail(out), nil
}

// appendCell writes one value of the columns as JSON.
func (c *codec) appendCell(dst []byte, x *multilang.Index, i int) ([]byte, error) {
	if k := x.Kind(); (k == multilang.KindStr || k == multilang.KindText) && !x.Null(i) {
		return appendString(dst, x.Row(i)), nil
	}
	v, _, err := multilang.Decode(x.AppendValue(nil, i))
	if err != nil {
		return dst, err
	}
	return c.json.appendValue(dst, v)
}

// appendCommand writes a command to a spout. id is in the child's own form.
func (c *codec) appendCommand(dst []byte, command string, id []byte) []byte {
	if c.form == Msgpack {
		dst = multilang.AppendStr(multilang.AppendStr(append(dst, 0x82), "command"), command)
		dst = multilang.AppendStr(dst, "id")
		if id == nil {
			return multilang.AppendStr(dst, "")
		}
		return append(dst, id...)
	}
	dst = append(append(append(dst, `{"command":"`...), command...), `","id":`...)
	if id == nil {
		dst = append(dst, '"', '"')
	}
	for _, b := range id { // a list may have been written over several lines
		if b == '\n' || b == '\r' {
			b = ' '
		}
		dst = append(dst, b)
	}
	return append(append(dst, '}'), jsonEnd...)
}

// appendTasks answers an emit.
func (c *codec) appendTasks(dst []byte, tasks multilang.U32s) []byte {
	if c.form == Msgpack {
		dst = multilang.AppendArray(dst, tasks.Len())
		for i := range tasks.Len() {
			dst = multilang.AppendUint(dst, uint64(tasks.At(i)))
		}
		return dst
	}
	dst = append(dst, '[')
	for i := range tasks.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(tasks.At(i)), 10)
	}
	return append(append(dst, ']'), jsonEnd...)
}

// next reads the first message of buf into m. used is how many bytes it took;
// 0 means that there is not yet a whole one. ok is false where there was no
// message, but text alone.
func (c *codec) next(buf []byte, m *message) (used int, ok bool, text []byte, err error) {
	if c.form == Msgpack {
		return c.nextMap(buf, m)
	}
	p := c.frames.next(buf)
	if p.used == 0 || p.text == nil && p.size == 0 && c.frames.skipped > 0 {
		return p.used, false, nil, nil
	}
	if p.size > 0 {
		c.readHead(p, m)
		return p.used, true, nil, nil
	}
	ok, text, err = readText(p.text, m)
	return p.used, ok, text, err
}

func (c *codec) nextMap(buf []byte, m *message) (used int, ok bool, text []byte, err error) {
	body, text, err := c.maps.next(buf)
	if err != nil || body == nil {
		return len(text), false, text, err
	}
	ok, err = readMsgpack(body, m)
	switch {
	case err != nil:
		return len(body), false, nil, fmt.Errorf("a message cannot be read: %w", err)
	case ok:
		return len(body), true, nil, nil
	}
	return len(body), false, body, nil
}

// maxTries is how often a text with something printed in it is looked at for
// where its message may begin.
const maxTries = 100

// readText reads the message of one text. If somebody printed before it, into
// the same text, that is returned as well. A message that cannot be read is an error.
func readText(body []byte, m *message) (ok bool, text []byte, err error) {
	ok, err = readJSON(body, m)
	if err == nil && ok {
		return true, nil, nil
	}
	for at, try := 0, 0; try < maxTries; try++ {
		i := bytes.IndexByte(body[at:], '{')
		if i < 0 {
			break
		}
		at += i
		if found, bad := readJSON(body[at:], m); bad == nil && found {
			return true, body[:at], nil
		}
		at++
	}
	if bytes.Contains(body, []byte(`"command"`)) {
		if err == nil {
			err = errSyntax
		}
		return false, nil, fmt.Errorf("a message on its stdout cannot be read (%w): %.300q", err, body)
	}
	return false, body, nil
}

// readHead makes what it can of a message beyond the limit: the child libraries
// write its tuple last.
func (c *codec) readHead(p piece, m *message) {
	_, err := readJSON(p.text, m)
	_ = err // it is cut short: what could be read is in m
	m.finish(false)
	m.problem = fmt.Sprintf("a message of %d bytes is beyond the limit of %d (max_message_bytes)", p.size, (c.frames.limit-multilang.FrameSlack)/2)
	m.tuple, m.large = true, true
}
