package hosttest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/polybolt/polybolt/multilang/storm/stormtest"
)

// A Flux file with components on the real storm.py and storm.js, deployed: its
// placeholders are replaced where it is deployed from, and the cluster gets the native form.
func TestFluxFileOnACluster(t *testing.T) {
	t.Parallel()
	c := Start(t, Config{ZooKeeper: zookeeper, Supervisors: 1, Slots: 2})
	dir := t.TempDir()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	files := []string{filepath.Join(root, "host/testdata/storm/sentences.js"), filepath.Join(root, "host/testdata/storm/split.py")}
	for _, name := range []string{"storm.py", "storm.js"} {
		lib, err := stormtest.Library(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, lib)
	}
	if err := os.Mkdir(filepath.Join(dir, "resources"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		WriteFile(t, dir, filepath.Join("resources", filepath.Base(file)), string(text))
	}
	WriteFile(t, dir, "topology.yaml", `name: ${name}
config: {topology.workers: 2}
spouts:
  - id: sentences
    className: org.apache.storm.flux.wrappers.spouts.FluxShellSpout
    constructorArgs: [[node, sentences.js], [sentence]]
bolts:
  - id: split
    className: org.apache.storm.flux.wrappers.bolts.FluxShellBolt
    constructorArgs: [[python3, split.py], [word]]
    parallelism: 2
  - {id: count, className: org.apache.storm.testing.TestWordCounter}
  - {id: log, className: org.apache.storm.flux.wrappers.bolts.LogInfoBolt}
streams:
  - {from: sentences, to: split, grouping: {type: SHUFFLE}}
  - {from: split, to: count, grouping: {type: FIELDS, args: [word]}}
  - {from: count, to: log, grouping: {type: SHUFFLE}}
`)
	c.MustCLI(t, "deploy", dir, "--define", "name=from-flux")
	Eventually(t, "the spout was told of all its tuples, and each word was counted", func() bool {
		log := c.WorkerLog(t, 0, "from-flux")
		return strings.Contains(log, "all acked") && strings.Contains(log, "['a', 300]") && strings.Contains(log, "['299', 1]")
	})
	if log := c.WorkerLog(t, 0, "from-flux"); strings.Contains(log, "['a', 301]") || strings.Contains(log, "another type") {
		t.Error("words were counted twice, or an id changed its type")
	}
	c.MustCLI(t, "kill", "from-flux")
}
