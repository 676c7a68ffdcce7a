package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/host/worker"
)

// A component that dies again and again does not end the run, which is said once.
func TestACrashLoopIsExplainedOnce(t *testing.T) {
	t.Parallel()
	c := newConsole(&topology.Topology{Name: "t"})
	var out bytes.Buffer
	c.out, c.size, c.colour = &out, nil, false
	c.State(worker.TaskState{Component: "lines", Task: 1, State: worker.Backoff, Why: "it died"})
	if out.Len() > 0 {
		t.Errorf("of one death it says %q", out.String())
	}
	for range 3 {
		c.State(worker.TaskState{Component: "lines", Task: 1, State: worker.Backoff, Why: "crash loop, 2 deaths: no such file"})
	}
	if s := out.String(); strings.Count(s, "crash loop") != 3 || strings.Count(s, "it is tried again and again, with pauses of up to 30s; Ctrl-C ends the run") != 1 {
		t.Errorf("it says %q", s)
	}
}
