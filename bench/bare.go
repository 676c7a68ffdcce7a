package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

// window is how many tuples the bare loop has in the child.
const window = 100

// bare drives the child by itself: what the component can do at most.
func (b *bench) bare(c classic, n int) (rate float64, err error) {
	dir, err := os.MkdirTemp(b.temp, "bare-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	command, env, err := b.classicFiles(c, dir, false)
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	l := bareLoop{n: n, packed: c.form == "msgpack", in: bufio.NewWriterSize(stdin, 64<<10), out: bufio.NewReaderSize(stdout, 1<<20)}
	rate, err = l.run(dir)
	_ = stdin.Close()
	_, _ = io.Copy(io.Discard, stdout)
	if wait := cmd.Wait(); err == nil && wait != nil && !strings.Contains(wait.Error(), "exit status") {
		err = wait // how a library ends on the end of its stdin is its own affair
	}
	return rate, err
}

// bareLoop is the least that a host can do.
type bareLoop struct {
	n           int
	packed      bool
	in          *bufio.Writer
	out         *bufio.Reader
	sent, acked int
}

func (l *bareLoop) run(dir string) (float64, error) {
	if err := l.say(map[string]any{"pidDir": dir, "conf": map[string]any{}, "context": map[string]any{"taskid": 1, "componentid": "split"}},
		fmt.Sprintf(`{"pidDir":%q,"conf":{},"context":{"taskid":1,"componentid":"split"}}`, dir)); err != nil {
		return 0, err
	}
	if err := l.in.Flush(); err != nil {
		return 0, err
	}
	started := time.Time{}
	for l.acked < l.n {
		kind, ids, err := l.next()
		if err != nil {
			return 0, err
		}
		switch kind {
		case "pid":
			started = time.Now()
		case "ack":
			l.acked++
		case "emit":
			if ids {
				err = l.say([]any{7}, "[7]")
			}
		}
		for err == nil && !started.IsZero() && l.sent < l.n && l.sent-l.acked < window {
			s := sentences[l.sent%len(sentences)]
			id := strconv.Itoa(l.sent)
			err = l.say(map[string]any{"id": id, "comp": "lines", "stream": "default", "task": 4, "tuple": []any{s}},
				`{"id":"`+id+`","comp":"lines","stream":"default","task":4,"tuple":["`+s+`"]}`)
			l.sent++
		}
		if err == nil && l.out.Buffered() == 0 {
			err = l.in.Flush()
		}
		if err != nil {
			return 0, err
		}
	}
	return float64(l.n) / time.Since(started).Seconds(), nil
}

func (l *bareLoop) say(v any, text string) error {
	if !l.packed {
		_, err := l.in.WriteString(text + "\nend\n")
		return err
	}
	b, err := multilang.Append(nil, v)
	if err == nil {
		_, err = l.in.Write(b)
	}
	return err
}

// next reads a message of the child: what it is, and whether it wants task ids.
func (l *bareLoop) next() (kind string, ids bool, err error) {
	if l.packed {
		return l.nextPacked()
	}
	line, err := l.out.ReadSlice('\n')
	if err != nil {
		return "", false, err
	}
	switch {
	case bytes.Contains(line, []byte(`"pid"`)):
		kind = "pid"
	case bytes.Contains(line, []byte(`"emit"`)):
		kind, ids = "emit", !bytes.Contains(line, []byte(`"need_task_ids": false`))
	case bytes.Contains(line, []byte(`"ack"`)):
		kind = "ack"
	default:
		kind = "log"
	}
	_, err = l.out.ReadSlice('\n') // its end
	return kind, ids, err
}

func (l *bareLoop) nextPacked() (kind string, ids bool, err error) {
	for {
		peek, err := l.out.Peek(max(1, l.out.Buffered()))
		if err != nil {
			return "", false, err
		}
		v, n, err := multilang.Decode(peek)
		if err != nil { // cut short: wait for more
			if _, err := l.out.Peek(len(peek) + 1); err != nil {
				return "", false, err
			}
			continue
		}
		if _, err := l.out.Discard(n); err != nil {
			return "", false, err
		}
		ids, kind := true, "pid"
		m, _ := v.(multilang.Map)
		for _, p := range m {
			switch p.Key {
			case "command":
				kind, _ = p.Value.(string)
			case "need_task_ids":
				ids, _ = p.Value.(bool)
			}
		}
		return kind, ids, nil
	}
}
