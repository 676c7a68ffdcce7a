package storm

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/polybolt/polybolt/multilang"
)

// readMsgpack reads one message: a value that is whole, as [extent] counts. ok
// tells whether it is a message. A value in it that we cannot carry, such as an
// integer beyond 64 bits, is the message's problem; a key that is none is the stream's.
func readMsgpack(body []byte, m *message) (ok bool, err error) {
	m.reset()
	n, at, isMap := header(body, 0x80, 0xde)
	if !isMap {
		_, err := multilang.Skip(body)
		return false, err
	}
	hasPID := false
	for range n {
		key := valueAt(body, at)
		if _, err := multilang.Skip(key); err != nil {
			return false, err
		}
		at += len(key)
		value := valueAt(body, at)
		at += len(value)
		name, _ := stringOf(key)
		if name == "pid" && value[0] != 0xc0 {
			hasPID = true
		}
		if value[0] != 0xc0 || name == "params" { // nil is the same as nothing
			m.field(name, value)
		}
	}
	return m.finish(hasPID), nil
}

// field takes the value of one of the message's keys.
func (m *message) field(key string, v []byte) {
	if key == "tuple" {
		m.takeTuple(v)
		return
	}
	if _, err := multilang.Skip(v); err != nil {
		m.wrong(fmt.Sprintf("%s cannot be read (%v)", key, err))
		return
	}
	switch key {
	case "command":
		m.name = m.string(key, v)
	case "pid":
		m.pid = m.int(key, v)
	case "id":
		m.id, m.row = v, rowOf(v)
	case "anchors":
		n, at, isList := header(v, 0x90, 0xdc)
		if !isList {
			m.anchors = append(m.anchors, rowOf(v))
			return
		}
		for range n {
			item := valueAt(v, at)
			at += len(item)
			m.anchors = append(m.anchors, rowOf(item))
		}
	case "stream":
		m.stream = m.string(key, v)
	case "task":
		m.task = m.int(key, v)
		m.direct = m.task != 0
	case "need_task_ids":
		if v[0] != 0xc2 && v[0] != 0xc3 {
			m.wrong("need_task_ids is not a boolean")
		}
		m.needIDs = v[0] != 0xc2
	case "msg":
		if s, isText := stringOf(v); isText {
			m.text = clipped([]byte(s))
		} else if d, _, err := multilang.Decode(v); err == nil {
			m.text = clipped([]byte(fmt.Sprint(d)))
		}
	case "level":
		m.level = -1
		if d, _, err := multilang.Decode(v); err == nil {
			if level, isInt := d.(int64); isInt {
				m.level = int(max(min(level, 99), -1))
			}
		}
	case "name":
		m.metric = m.string(key, v)
	case "params":
		m.params = append(m.params[:0], v...)
	}
}

func (m *message) takeTuple(v []byte) {
	m.tuple = true
	n, at, isList := header(v, 0x90, 0xdc)
	if !isList {
		m.wrong("its tuple is not a list: emit([value]), not emit(value)")
		return
	}
	m.values = append(m.values, v[at:]...)
	end := 0
	for i := range n {
		item := valueAt(v, at+end)
		if _, err := multilang.Skip(item); err != nil {
			m.wrongValue(i, carried(item, err))
		}
		end += len(item)
		m.ends = append(m.ends, end)
	}
}

// carried says why a value cannot be carried.
func carried(item []byte, err error) string {
	if item[0] == 0xcf {
		return fmt.Sprintf("the integer %d does not fit 64 bits: emit it as text", binary.BigEndian.Uint64(item[1:]))
	}
	return err.Error()
}

func (m *message) string(key string, v []byte) string {
	s, isText := stringOf(v)
	if !isText {
		m.wrong(key + " is not a string")
	}
	return s
}

func (m *message) int(key string, v []byte) int64 {
	d, _, err := multilang.Decode(v)
	if i, isInt := d.(int64); err == nil && isInt {
		return i
	}
	m.wrong(key + " is not an integer")
	return 0
}

// rowOf reads an id of ours, as text or as a number.
func rowOf(v []byte) uint64 {
	d, _, err := multilang.Decode(v)
	if err != nil {
		return 0
	}
	switch d := d.(type) {
	case string:
		return number([]byte(d))
	case []byte: // an old msgpack library writes text so
		return number(d)
	case int64:
		return uint64(max(d, 0))
	}
	return 0
}

// stringOf reads a str, or a bin, which old msgpack libraries write for text.
func stringOf(v []byte) (string, bool) {
	d, _, err := multilang.Decode(v)
	if err != nil {
		return "", false
	}
	switch d := d.(type) {
	case string:
		return d, true
	case []byte:
		return string(d), true
	}
	return "", false
}

// valueAt returns the whole value at a place in a message that is whole.
func valueAt(b []byte, at int) []byte {
	var x extent
	n, _ := x.next(b[at:])
	if n == 0 {
		panic("storm: a whole message with a value that is not")
	}
	return b[at : at+n]
}

// header reads the start of a map or an array: the number of its entries and
// where they begin. fix is the code of the short form, wide that of the one with 16 bits.
func header(b []byte, fix, wide byte) (n, at int, ok bool) {
	switch {
	case b[0]&0xf0 == fix:
		return int(b[0] & 15), 1, true
	case b[0] == wide:
		return int(b[1])<<8 | int(b[2]), 3, true
	case b[0] == wide+1:
		return int(b[1])<<24 | int(b[2])<<16 | int(b[3])<<8 | int(b[4]), 5, true
	}
	return 0, 0, false
}

// maps cuts the msgpack form's stream into messages. What stands between them
// is text that somebody printed: bytes of ASCII are small integers in msgpack,
// and no map.
type maps struct {
	limit  int
	extent extent
	want   int // bytes that the message at the start of the input needs at least
}

func fixed(c byte) bool { return c&0xf0 == 0x80 }

// beginsMap and beginsName tell a message, whose keys are short strings, from
// printed text in which the same bytes occur.
func beginsMap(c byte) bool { return fixed(c) || c == 0xde || c == 0xdf }
func beginsName(c byte) bool {
	return c&0xe0 == 0xa0 || c >= 0xd9 && c <= 0xdb || c >= 0xc4 && c <= 0xc6
}

// errTooLarge is a message that will not be read.
var errTooLarge = errors.New("a message is beyond the limit")

// next returns the first message of buf, or the text before it.
func (s *maps) next(buf []byte) (body, text []byte, err error) {
	for i, c := range buf {
		if beginsMap(c) && (i+1 == len(buf) || c != 0x80 && (!fixed(c) || beginsName(buf[i+1]))) {
			if i > 0 {
				s.extent = extent{} // what looked like a message a byte ago was text
				return nil, buf[:i], nil
			}
			break
		}
		if i == len(buf)-1 {
			s.extent = extent{}
			return nil, buf, nil
		}
	}
	if len(buf) == 0 {
		return nil, nil, nil
	}
	n, want := s.extent.next(buf)
	s.want = want
	if n > 0 {
		return buf[:n], nil, nil
	}
	if want > s.limit || len(buf) > s.limit {
		return nil, nil, fmt.Errorf("%w of %d bytes: raise max_message_bytes", errTooLarge, s.limit)
	}
	return nil, nil, nil
}
