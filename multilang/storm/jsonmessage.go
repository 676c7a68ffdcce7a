package storm

import (
	"math"
	"strconv"
)

// readJSON reads one message. ok tells whether it is one: an object with a
// command or a pid.
func readJSON(text []byte, m *message) (ok bool, err error) {
	m.reset()
	r := &jsonReader{text: text, m: m}
	hasPID, err := r.object()
	if err != nil {
		return false, err
	}
	if r.peek(); r.pos != len(r.text) {
		return false, r.fail("text goes on after the message")
	}
	return m.finish(hasPID), nil
}

// object reads the message itself, key by key.
func (r *jsonReader) object() (hasPID bool, err error) {
	return hasPID, r.entries(func(key []byte) error {
		if string(key) == "pid" {
			hasPID = true
		}
		return r.field(string(key))
	})
}

// field reads the value of one of the message's keys.
func (r *jsonReader) field(key string) error {
	m := r.m
	if r.peek() == 'n' && key != "params" {
		return r.skip() // null is the same as nothing
	}
	switch key {
	case "command":
		s, err := r.textOf(key)
		m.name = string(s)
		return err
	case "pid":
		return r.number(&m.pid, key)
	case "id":
		return r.id()
	case "anchors":
		return r.anchors()
	case "stream":
		s, err := r.textOf(key)
		if err == nil && s != nil {
			m.stream = string(s)
		}
		return err
	case "task":
		err := r.number(&m.task, key)
		m.direct = m.task != 0
		return err
	case "need_task_ids":
		c := r.peek()
		if c != 't' && c != 'f' {
			m.wrong("need_task_ids is not a boolean")
		}
		m.needIDs = c != 'f'
		return r.skip()
	case "tuple":
		return r.tuple()
	case "msg":
		return r.msg()
	case "level":
		return r.level()
	case "name":
		s, err := r.textOf(key)
		m.metric = string(s)
		return err
	case "params":
		r.dst = m.params[:0]
		err := r.value()
		m.params = r.dst
		return err
	}
	return r.skip()
}

// msg reads what a log or an error says.
func (r *jsonReader) msg() error {
	if r.peek() != '"' { // a number or a map is worth showing, too
		from := r.pos
		err := r.skip()
		r.m.text = clipped(r.text[from:r.pos])
		return err
	}
	s, err := r.str()
	r.m.text = clipped(s)
	return err
}

// level reads the level of a log; what is no number is no level.
func (r *jsonReader) level() error {
	if c := r.peek(); c < '0' || c > '9' {
		r.m.level = -1
		return r.skip()
	}
	level := int64(2)
	err := r.number(&level, "level")
	r.m.level = int(max(min(level, 99), -1))
	return err
}

// textOf reads a value that must be a string.
func (r *jsonReader) textOf(key string) ([]byte, error) {
	if r.peek() == '"' {
		return r.str()
	}
	r.m.wrong(key + " is not a string")
	return nil, r.skip()
}

// number reads a value that must be an integer.
func (r *jsonReader) number(into *int64, key string) error {
	r.peek()
	from := r.pos
	if err := r.skip(); err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(r.text[from:r.pos]), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		r.m.wrong(key + " is not an integer")
		return nil
	}
	*into = int64(f)
	return nil
}

// id reads an id. A spout's may be of any type, and is kept as it is written;
// a bolt's is one of ours, as a string or as a number.
func (r *jsonReader) id() error {
	r.peek()
	from := r.pos
	err := r.skip()
	r.m.id = r.text[from:r.pos]
	r.m.row = number(unquoted(r.m.id))
	return err
}

func unquoted(text []byte) []byte {
	if n := len(text); n >= 2 && text[0] == '"' {
		return text[1 : n-1]
	}
	return text
}

// anchors reads a list of ids, or a single one.
func (r *jsonReader) anchors() error {
	one := func() error {
		r.peek()
		from := r.pos
		err := r.skip()
		r.m.anchors = append(r.m.anchors, number(unquoted(r.text[from:r.pos])))
		return err
	}
	if r.peek() == '[' {
		return r.elements(one)
	}
	return one()
}

func (r *jsonReader) tuple() error {
	m := r.m
	if r.peek() != '[' {
		m.wrong("its tuple is not a list: emit([value]), not emit(value)")
		m.tuple = true
		return r.skip()
	}
	m.tuple = true
	r.dst = m.values[:0]
	m.ends = m.ends[:0]
	err := r.elements(func() error {
		fine := m.problem == ""
		err := r.value()
		if fine && m.problem != "" {
			m.at = len(m.ends) + 1
		}
		m.ends = append(m.ends, len(r.dst))
		return err
	})
	m.values = r.dst
	return err
}
