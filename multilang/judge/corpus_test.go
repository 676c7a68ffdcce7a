package judge

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/polybolt/polybolt/multilang"
)

var update = flag.Bool("update", false, "write testdata/vectors/conversations.json anew")

// corpusLimit is the longest message of conversations.json: a decoder learns
// nothing from a megabyte of the same letter.
const corpusLimit = 2 << 10

// conversations.json is what the host writes in the transcripts: the seeds of
// the fuzzers of every language.
func TestConversationsAreWhatTheTranscriptsSay(t *testing.T) {
	t.Parallel()
	all, err := Load(os.DirFS("../testdata/transcripts"), os.DirFS("../testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	seen := map[string]bool{}
	for _, tr := range all {
		for _, level := range []multilang.Level{multilang.Rows, multilang.Columns} {
			if !tr.speaks(level) || tr.onlyStorm {
				continue
			}
			for _, frame := range hostFrames(t, tr, level) {
				entry, err := json.Marshal(map[string]string{"transcript": tr.Name, "level": level.String(), "frame": hex.EncodeToString(frame)})
				if err != nil {
					t.Fatal(err)
				}
				if key := level.String() + string(frame); len(frame) <= corpusLimit && !seen[key] {
					seen[key] = true
					out.WriteString(map[bool]string{true: "[\n", false: ",\n"}[out.Len() == 0])
					out.Write(entry)
				}
			}
		}
	}
	out.WriteString("\n]\n")
	const path = "../testdata/vectors/conversations.json"
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, out.Bytes()) {
		t.Errorf("%s is not what the transcripts make now: go test ./multilang/judge -run Conversations -update", path)
	}
}

// hostFrames returns what the host writes, step by step.
func hostFrames(t *testing.T, tr *Transcript, level multilang.Level) [][]byte {
	t.Helper()
	p := newPlayer(tr, level, Options{Scratch: "/scratch"})
	first, err := p.handshake()
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{first}
	for i := range tr.steps {
		s := tr.steps[i].send
		if s == nil || s.kind == "end" || s.kind == "rest" {
			continue
		}
		b, err := s.bytes(level, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, b)
	}
	return frames
}
