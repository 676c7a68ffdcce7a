package storm

import (
	"bytes"
	"testing"

	"github.com/polybolt/polybolt/multilang"
)

// FuzzChild gives an adapter whatever a child may write, whole and in two
// pieces: it must not panic, must say the same, and what it hands on must be
// messages that the host can read.
func FuzzChild(f *testing.F) {
	f.Add([]byte("{\"pid\":1}\nend\n{\"command\":\"emit\",\"tuple\":[\"a\",1],\"anchors\":[\"2\"]}\nend\n{\"command\":\"ack\",\"id\":\"2\"}\nend\n"), false, false, 7)
	f.Add([]byte("\x81\xa3pid\x01\x82\xa7command\xa3ack\xa2id\xa12\x84\xa7command\xa4emit\xa5tuple\x92\x01\xa1a\xa7anchors\x91\xa12\xadneed_task_ids\xc2"), true, false, 9)
	f.Add([]byte("{\"pid\":1}\nend\n{\"command\":\"emit\",\"tuple\":[\"a\",1],\"id\":{}}\nend\n{\"command\":\"sync\"}\nend\n"), false, true, 3)
	f.Add([]byte("text\n{\"command\":\"emit\",\"tuple\":[[[]],NaN]}\r\nend\r\nend\n"), false, false, 20)
	f.Add([]byte("\xdf\xff\xff\xff\xff\xa1a"), true, true, 1)
	f.Fuzz(func(t *testing.T, data []byte, packed, spout bool, cut int) {
		whole, errWhole := run(t, packed, spout, data)
		cut = min(max(cut, 0), len(data))
		parts, errParts := run(t, packed, spout, data[:cut], data[cut:])
		if errWhole == nil && errParts == nil && whole != parts {
			t.Errorf("%d rows whole, %d in two pieces", whole, parts)
		}
	})
}

// run returns how many rows the host gets.
func run(t *testing.T, packed, spout bool, parts ...[]byte) (rows int, err error) {
	o := Options{Spout: spout, Component: "c", Inputs: []Input{{"a", "default"}}, Outputs: []Output{{Stream: "default", Fields: []string{"x", "y"}}}, Limit: 1000}
	if packed {
		o.Form = Msgpack
	}
	a := New(o)
	b, at := multilang.BeginFrame(nil)
	b = multilang.AppendDataHead(b, 1, 0, 4, 2, false)
	if spout {
		b = multilang.AppendNext(b[:at+4], 1, 2, 100)
	} else {
		b = multilang.AppendColumns(b, []multilang.Column{{Kind: multilang.KindStr, Data: []byte("x\x00y")}})
	}
	if err := a.Host(multilang.EndFrame(b, at)); err != nil {
		t.Fatal(err)
	}
	d := multilang.Decoder{Level: multilang.Columns, Fields: []int{2}}
	var rest []byte
	for _, part := range parts {
		rest = append(rest, part...)
		used, want, err := a.Child(rest)
		if err != nil {
			return 0, err
		}
		if used > len(rest) || used < len(rest) && want <= len(rest)-used {
			t.Fatalf("used %d, wants %d of %d", used, want, len(rest))
		}
		rest = append([]byte(nil), rest[used:]...)
	}
	a.End()
	w := a.Take()
	s := multilang.Splitter{Limit: 1 << 30, Started: true}
	for frames := w.Frames; len(frames) > 0; {
		p, err := s.Next(frames)
		if err != nil {
			t.Fatal(err)
		}
		frames = frames[p.Used:]
		var m multilang.FromChild
		if err := d.Decode(p.Body, &m); err != nil {
			t.Fatalf("%v: % x", err, p.Body)
		}
		for _, g := range m.Groups {
			rows += g.N
		}
	}
	return rows, nil
}

// FuzzLines checks the splitter of texts against a simple one.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nend\nb\r\nend\r\nend \nend\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		var want [][]byte
		from := 0
		for at := 0; ; {
			i := bytes.IndexByte(data[at:], '\n')
			if i < 0 {
				break
			}
			if line := string(data[at : at+i]); line == "end" || line == "end\r" {
				want = append(want, data[from:at])
				from = at + i + 1
			}
			at += i + 1
		}
		l := lines{limit: 1 << 20}
		var got [][]byte
		var rest []byte
		cut = min(max(cut, 0), len(data))
		for _, part := range [][]byte{data[:cut], data[cut:]} {
			rest = append(rest, part...)
			for {
				p := l.next(rest)
				if p.used == 0 {
					break
				}
				got = append(got, append([]byte(nil), p.text...))
				rest = rest[p.used:]
			}
		}
		if len(got) != len(want) {
			t.Fatalf("%d texts, want %d", len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i], want[i]) {
				t.Errorf("text %d: %q, want %q", i, got[i], want[i])
			}
		}
	})
}
