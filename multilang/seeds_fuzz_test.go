package multilang

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// deadly are a few bytes that declare gigabytes: whoever makes room for what is
// declared before he has looked whether it is there dies of them.
var deadly = []string{
	"ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff", "c9ffffffff01", "dcffff", "deffff", "dd7fffffff", "df7fffffff", "df80000001c0",
	"9203ddffffffff", "96030100020addffffffff", "9603010002ceffffffff91d501ff", "9503010001ddffffffff", "950301000191960001ceffffffffc091d40101c0",
	strings.Repeat("dd00000001", 40) + "c0", strings.Repeat("91", 1000), strings.Repeat("81a0", 40) + "c0", "9303c6ffffffffc0",
}

type seeds struct {
	values, bad []string // msgpack, hexadecimal
	columns     []columnVector
	messages    []frameVector // without their length; From is who writes them
}

// fuzzSeeds reads what the fuzzers begin with: the vectors, and what the host
// writes in the transcripts.
func fuzzSeeds(f *testing.F) *seeds {
	f.Helper()
	read := func(name string, v any) {
		b, err := os.ReadFile(filepath.Join("testdata", "vectors", name))
		if err != nil {
			f.Fatal(err)
		}
		must(json.Unmarshal(b, v))
	}
	s := &seeds{bad: deadly}
	var values []valueVector
	read("values.json", &values)
	for _, v := range values {
		if len(v.Msgpack) < 8<<10 {
			s.values = append(s.values, v.Msgpack)
		}
	}
	read("columns.json", &s.columns)
	read("frames.json", &s.messages)
	for i := range s.messages {
		s.messages[i].Frame = s.messages[i].Frame[8:]
	}
	var bad []badVector
	read("bad.json", &bad)
	for _, v := range bad {
		s.bad = append(s.bad, v.Msgpack)
		if len(v.Frame) > 8 {
			s.bad = append(s.bad, v.Frame[8:])
		}
	}
	var written []struct{ Frame string }
	read("conversations.json", &written)
	for _, w := range written {
		for _, m := range cutFrames(unhex(w.Frame)) {
			s.messages = append(s.messages, frameVector{From: "host", Frame: hex.EncodeToString(m)})
		}
	}
	return s
}

// cutFrames returns the messages of whole frames, one after another.
func cutFrames(b []byte) [][]byte {
	var messages [][]byte
	for len(b) >= 4 && uint64(be.Uint32(b)) <= uint64(len(b)-4) {
		n := 4 + int(be.Uint32(b))
		messages = append(messages, b[4:n])
		b = b[n:]
	}
	return messages
}

// all returns everything as bytes that may stand in a message.
func (s *seeds) all() [][]byte {
	var out [][]byte
	for _, list := range [][]string{s.values, s.bad} {
		for _, x := range list {
			out = append(out, unhex(x))
		}
	}
	for _, m := range s.messages {
		out = append(out, unhex(m.Frame))
	}
	return out
}
