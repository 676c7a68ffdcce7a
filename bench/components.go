package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// sentences are those of Storm's word count.
var sentences = []string{"the cow jumped over the moon", "an apple a day keeps the doctor away", "four score and seven years ago",
	"snow white and the seven dwarfs", "i am at two with nature"}

var le = binary.LittleEndian

// components are the children that this program is itself: sources and sinks
// that cost next to nothing.
var components = map[string]func() error{"source": source, "sink": sink, "paced": paced, "arrivals": arrivals, "flood": flood}

// source emits conf n sentences, and notes when the first were asked for: not
// before conf after milliseconds have passed, if others need time to start.
func source() error {
	return spout(func(c *multilangtest.Child, m *multilang.ToChild, state *sourceState) error {
		if err := note("first"); err != nil {
			return err
		}
		n := min(m.N, state.left)
		state.left -= n
		out := multilang.FromChild{Seq: m.Seq, Final: true}
		if n > 0 {
			out.Groups = []multilang.Group{{N: n, IDs: -1, Cols: []multilang.Column{state.column(n)}}}
		}
		return c.Rows(&out)
	})
}

// paced emits conf n sentences, one each 1/conf hz of a second, as soon as it
// may, and not before conf after milliseconds have passed.
func paced() error {
	return spout(func(c *multilangtest.Child, m *multilang.ToChild, state *sourceState) error {
		for i := 0; i < m.N && state.left > 0; i++ {
			if state.due.IsZero() {
				state.due = time.Now()
			}
			state.due = state.due.Add(time.Second / time.Duration(state.hz))
			time.Sleep(time.Until(state.due))
			state.left--
			out := multilang.FromChild{Seq: m.Seq, Final: i == m.N-1 || state.left == 0}
			out.Groups = []multilang.Group{{N: 1, IDs: -1, Cols: []multilang.Column{state.column(1)}}}
			if err := c.Rows(&out); err != nil {
				return err
			}
		}
		return nil
	})
}

type sourceState struct {
	left, hz int
	after    int // milliseconds
	next     int // sentence
	due      time.Time
	buf      []byte
}

// column returns the next n sentences.
func (s *sourceState) column(n int) multilang.Column {
	s.buf = s.buf[:0]
	for i := range n {
		if i > 0 {
			s.buf = append(s.buf, 0)
		}
		s.buf = append(s.buf, sentences[s.next]...)
		s.next = (s.next + 1) % len(sentences)
	}
	return multilang.Column{Kind: multilang.KindStr, Data: s.buf}
}

// spout serves a source: answer gives the rows for each message that asks for
// some, not before conf after milliseconds have passed since the first did.
func spout(answer func(*multilangtest.Child, *multilang.ToChild, *sourceState) error) error {
	c, err := multilangtest.Start("spout")
	if err != nil {
		return err
	}
	state := &sourceState{left: confInt(c, "n"), hz: confInt(c, "hz"), after: confInt(c, "after")}
	endless := state.left == 0
	finished := false
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		if m.Type != multilang.TypeNext {
			return nil
		}
		if state.after > 0 {
			time.Sleep(time.Duration(state.after) * time.Millisecond)
			state.after = 0
		}
		if err := answer(c, m, state); err != nil {
			return err
		}
		if state.left == 0 && !finished && !endless {
			finished = true
			return c.Finish()
		}
		return nil
	})
}

func confInt(c *multilangtest.Child, key string) int {
	n, _ := strconv.Atoi(fmt.Sprint(c.Welcome.Conf[key]))
	return n
}

// note writes the time to a file, once.
func note(name string) error {
	f, err := os.OpenFile(filepath.Join(os.Getenv(notesVariable), name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprint(f, time.Now().UnixNano())
	return err
}

// sink counts the words it gets. With a second column it wants the running
// count of each. At the end every word must have come as often as conf n
// sentences hold it; then it notes when the last one came. That all have come
// is noted at once.
func sink() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	counts := map[string]*int64{}
	var last time.Time
	left := 0
	for i := range confInt(c, "n") {
		left += len(strings.Fields(sentences[i%len(sentences)]))
	}
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		switch m.Type {
		case multilang.TypeData:
			if err := note("first"); err != nil { // where the spout has not done so
				return err
			}
			if err := countWords(counts, m); err != nil {
				return err
			}
			last = time.Now()
			if left -= m.N; left == 0 {
				if err := note("all"); err != nil {
					return err
				}
			}
			return c.Reply(&multilang.FromChild{Seq: m.Seq, N: m.N})
		case multilang.TypeStop:
			if err := checkTotals(counts, confInt(c, "n")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(os.Getenv(notesVariable), "last"), []byte(strconv.FormatInt(last.UnixNano(), 10)), 0o600)
		}
		return nil
	})
}

func countWords(counts map[string]*int64, m *multilang.ToChild) error {
	words := m.Cols[0].Data
	for row := range m.N {
		word := words
		if i := bytes.IndexByte(words, 0); i >= 0 {
			word, words = words[:i], words[i+1:]
		}
		n := counts[string(word)]
		if n == nil {
			n = new(int64)
			counts[string(word)] = n
		}
		*n++
		if len(m.Cols) == 2 {
			if got := int64(le.Uint64(m.Cols[1].Data[8*row:])); got != *n {
				return fmt.Errorf("running count of %q is %d, not %d", word, got, *n)
			}
		}
	}
	return nil
}

func checkTotals(counts map[string]*int64, n int) error {
	want := map[string]int64{}
	for i, s := range sentences {
		for _, w := range bytes.Fields([]byte(s)) {
			want[string(w)] += int64((n + len(sentences) - 1 - i) / len(sentences))
		}
	}
	for w, k := range want {
		if counts[w] == nil || *counts[w] != k {
			return fmt.Errorf("total of %q is wrong: want %d", w, k)
		}
	}
	if len(counts) != len(want) {
		return fmt.Errorf("%d words, not %d", len(counts), len(want))
	}
	return nil
}

// arrivals notes when the first row came, and when the last of conf n did.
func arrivals() error {
	c, err := multilangtest.Start("bolt")
	if err != nil {
		return err
	}
	left := confInt(c, "n")
	return c.Serve(multilang.Ready{}, func(m *multilang.ToChild) error {
		switch m.Type {
		case multilang.TypeData:
			if err := note("arrived"); err != nil {
				return err
			}
			if left -= m.N; left == 0 {
				if err := note("last"); err != nil {
					return err
				}
			}
			return c.Reply(&multilang.FromChild{Seq: m.Seq, N: m.N})
		case multilang.TypeStop:
			if left != 0 {
				return fmt.Errorf("%d rows did not come", left)
			}
		}
		return nil
	})
}

// flood emits rows of conf size bytes for as long as it is asked.
func flood() error {
	row := []byte(nil)
	return spout(func(c *multilangtest.Child, m *multilang.ToChild, _ *sourceState) error {
		if row == nil {
			row = bytes.Repeat([]byte{'x'}, confInt(c, "size"))
		}
		n := max(1, min(m.N, m.Bytes/len(row)))
		data := append(bytes.Repeat(append(row, 0), n-1), row...)
		return c.Rows(&multilang.FromChild{Seq: m.Seq, Final: true, Groups: []multilang.Group{{N: n, IDs: -1, Cols: []multilang.Column{{Kind: multilang.KindStr, Data: data}}}}})
	})
}
