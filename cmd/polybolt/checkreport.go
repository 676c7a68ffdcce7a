package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/polybolt/polybolt/multilang/judge"
)

// checkReport is what check has found.
type checkReport struct {
	Command []string      `json:"command" yaml:"command"`
	Passed  int           `json:"passed" yaml:"passed"`
	Failed  int           `json:"failed" yaml:"failed"`
	Skipped int           `json:"skipped" yaml:"skipped"`
	Results []checkResult `json:"results" yaml:"results"`
}

// checkResult is one conversation.
type checkResult struct {
	Level      string      `json:"level" yaml:"level"`
	Transcript string      `json:"transcript" yaml:"transcript"`
	Verdict    string      `json:"verdict" yaml:"verdict"`
	Why        string      `json:"why,omitempty" yaml:"why,omitempty"` // of one that was skipped
	Seconds    float64     `json:"seconds" yaml:"seconds"`
	Fault      *checkFault `json:"fault,omitempty" yaml:"fault,omitempty"`
}

// checkFault is what was wrong.
type checkFault struct {
	Rule     string `json:"rule" yaml:"rule"`
	Document string `json:"document" yaml:"document"` // PROTOCOL.md, or STORM.md for a component written for Storm
	Sentence string `json:"sentence" yaml:"sentence"` // of that document
	Step     string `json:"step" yaml:"step"`
	What     string `json:"what" yaml:"what"`
	Message  string `json:"message,omitempty" yaml:"message,omitempty"` // that was wrong, for people
	Hex      string `json:"hex,omitempty" yaml:"hex,omitempty"`         // the same, byte by byte
	Printed  string `json:"printed,omitempty" yaml:"printed,omitempty"` // the end of what the program printed
}

func newCheckReport(command []string, results []played) *checkReport {
	report := &checkReport{Command: command, Results: []checkResult{}}
	for _, r := range results {
		out := checkResult{Level: r.dialect, Transcript: r.Transcript, Verdict: strings.ToLower(r.Verdict.String()), Why: r.Why}
		var took time.Duration
		for _, s := range r.Steps {
			took += s.Took
		}
		out.Seconds = float64(took.Milliseconds()) / 1000
		switch r.Verdict {
		case judge.Passed:
			report.Passed++
		case judge.Skipped:
			report.Skipped++
		case judge.Failed:
			report.Failed++
			f := r.Fault
			out.Fault = &checkFault{Rule: f.Rule.ID, Document: f.Rule.Document(), Sentence: f.Rule.Sentence, Step: r.Steps[f.Step].Step, What: f.What,
				Message: f.Decoded, Hex: hex.EncodeToString(f.Frame), Printed: strings.TrimRight(r.Stderr, "\n")}
		}
		report.Results = append(report.Results, out)
	}
	return report
}

// hexShown is how many bytes of a message the table shows; json has all.
const hexShown = 64

// table writes the verdicts, and below them what was wrong.
func (r *checkReport) table(w io.Writer) {
	g := grid{header: []string{"<LEVEL", "<TRANSCRIPT", "<RESULT", "TIME", "<"}}
	for _, x := range r.Results {
		note := x.Why
		if x.Fault != nil {
			note = x.Fault.What
		}
		g.add(span{text: x.Level}, span{text: x.Transcript}, span{text: x.Verdict}, span{text: fmt.Sprintf("%.2fs", x.Seconds)}, span{text: cutText(note, 100)})
	}
	const noLimit = 1 << 20
	for _, line := range g.lines() {
		fmt.Fprintln(w, paint(line, noLimit, false))
	}
	for _, x := range r.Results {
		if x.Fault != nil {
			x.explain(w)
		}
	}
	fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, r.Skipped)
}

// explain writes what was wrong in one conversation.
func (x *checkResult) explain(w io.Writer) {
	f := x.Fault
	fmt.Fprintf(w, "\n%s\n", strings.TrimSuffix(x.Transcript+", level "+x.Level, ", level "))
	fmt.Fprintf(w, "  at        %s\n", f.Step)
	fmt.Fprintf(w, "  wrong     %s\n", f.What)
	fmt.Fprintf(w, "  %-8s  %s\n", strings.TrimSuffix(f.Document, ".md"), f.Sentence)
	if f.Message != "" {
		fmt.Fprintf(w, "  message   %s\n", cutText(f.Message, 400))
		shown := f.Hex[:min(len(f.Hex), 2*hexShown)]
		if len(shown) < len(f.Hex) {
			shown += fmt.Sprintf("… %d bytes in all", len(f.Hex)/2)
		}
		fmt.Fprintf(w, "  hex       %s\n", shown)
	}
	for i, line := range strings.Split(f.Printed, "\n") {
		if line == "" && i == 0 {
			break
		}
		head := "          "
		if i == 0 {
			head = "  printed "
		}
		fmt.Fprintf(w, "%s  %s\n", head, line)
	}
}

// cutText cuts a text to one line of at most n characters.
func cutText(s string, n int) string {
	s = strings.ReplaceAll(s, "\n", " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
