package hosttest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// A Flux file with components on the real storm.py, storm.js and storm.rb, deployed: its
// placeholders are replaced where it is deployed from, and the cluster gets the native form.
func TestFluxFileOnACluster(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ruby"); err != nil {
		t.Skip("ruby is not installed: apt-get install ruby")
	}
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 1, Slots: 2})
	dir := t.TempDir()
	stormFiles(t, filepath.Join(dir, "resources"), "sentences.js", "split.py", "sentences.rb", "split.rb")
	WriteFile(t, dir, "topology.yaml", `name: ${name}
config: {topology.workers: 2}
spouts:
  - id: sentences
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs: [[node, sentences.js], [sentence]]
  - id: more
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs: [[ruby, sentences.rb], [sentence]]
bolts:
  - id: split
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[python3, split.py], [word]]
    parallelism: 2
  - id: cut
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[ruby, split.rb], [piece]]
  - {id: pieces, className: org.apache.storm.testing.TestWordCounter}
  - {id: count, className: org.apache.storm.testing.TestWordCounter}
  - {id: log, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt}
streams:
  - {from: sentences, to: split, grouping: {type: SHUFFLE}}
  - {from: split, to: count, grouping: {type: FIELDS, args: [word]}}
  - {from: count, to: log, grouping: {type: SHUFFLE}}
  - {from: more, to: cut, grouping: {type: LOCAL_OR_SHUFFLE}}
  - {from: cut, to: pieces, grouping: {type: FIELDS, args: [piece]}}
  - {from: pieces, to: log, grouping: {type: SHUFFLE}}
`)
	c.MustCLI(t, "deploy", dir, "--define", "name=from-flux")
	Eventually(t, "both spouts were told of all their tuples, and each word was counted", func() bool {
		log := c.WorkerLog(t, 0, "from-flux")
		return strings.Count(log, "all acked") == 2 && strings.Count(log, "['a', 300]") == 2 && strings.Count(log, "['299', 1]") == 2
	})
	if log := c.WorkerLog(t, 0, "from-flux"); strings.Contains(log, "['a', 301]") || strings.Contains(log, "another type") {
		t.Error("words were counted twice, or an id changed its type")
	}
	c.MustCLI(t, "kill", "from-flux")
}

// stormFiles puts components of host/testdata/storm into a folder, and the real libraries of Storm.
func stormFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	root, err := Root()
	must(t, err)
	must(t, os.MkdirAll(dir, 0o700))
	var files []string
	for _, name := range names {
		files = append(files, filepath.Join(root, "host/testdata/storm", name))
	}
	for _, name := range []string{"storm.py", "storm.js", "storm.rb"} {
		lib, err := stormtest.Library(t.Context(), name)
		must(t, err)
		files = append(files, lib)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		WriteFile(t, dir, filepath.Base(file), string(text))
	}
}

// A component written for Storm prints, crashes, hangs and writes a megabyte on
// stderr: each costs what was in its child, and no other process, whatever it is written with.
func TestAccidentsOfAClassicComponentOnACluster(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 1, Slots: 1})
	dir := t.TempDir()
	stormFiles(t, dir, "sentences.py", "accidents.py", "split.js", "count.py")
	WriteFile(t, dir, "topology.yaml", fmt.Sprintf(`name: accidents
config: {heartbeat_timeout: 2s, message_timeout: 60s}
spouts:
  sentences: {command: [python3, sentences.py], protocol: storm-json, output: [sentence], config: {mine: [1, x]}}
bolts:
  accidents: {command: [python3, accidents.py], protocol: storm-json, inputs: [sentences], output: [word], env: {MARKS: %q}}
  split: {command: [node, split.js], protocol: storm-json, inputs: [sentences], output: [word]}
  count: {command: [python3, count.py], inputs: [{from: accidents, group: {fields: [word]}}, {from: split, group: {fields: [word]}}]}
`, t.TempDir()))
	c.MustCLI(t, "deploy", dir)
	Eventually(t, "the spout was told of all its tuples", func() bool { return strings.Contains(c.WorkerLog(t, 0, "accidents"), "all acked") })
	worker := c.onlyWorker(t)
	if log := c.WorkerLog(t, 0, "accidents"); !strings.Contains(log, "a word on stdout") || strings.Count(log, "x") < 1<<16 {
		t.Error("the print, or the megabyte, was not told")
	}
	for _, task := range figures(t, worker).Tasks {
		switch accidents := task.Component == "accidents"; {
		case accidents && task.Restarts < 2:
			t.Errorf("accidents was started again %d times: the crash and the hang are two", task.Restarts)
		case !accidents && task.Restarts != 0:
			t.Errorf("%s was started again %d times", task.Component, task.Restarts)
		}
	}
	status, err := c.API.Status(t.Context(), "accidents")
	must(t, err)
	if n := len(status.WorkerList); n != 1 || status.WorkerList[0].PID != worker.Worker.PID {
		t.Errorf("workers %+v, and %d answers", status.WorkerList, worker.Worker.PID)
	}
	c.MustCLI(t, "kill", "accidents")
}
