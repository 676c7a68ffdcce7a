package topology_test

import (
	"fmt"

	"github.com/polybolt/polybolt/host/topology"
)

const wordCount = `name: word-count
spouts:
  lines:
    command: [python3, lines.py]
    output: [line]
bolts:
  split:
    command: [python3, split.py]
    inputs: [lines]
    output: [word]
    parallelism: 2
  count:
    command: [node, count.mjs]
    inputs:
      - {from: split, group: {fields: [word]}}
`

func ExampleLoad() {
	_, err := topology.Load("topology.yaml", []byte(wordCount), topology.Set("bolts.split.paralelism", "3"))
	fmt.Println(err)
	// Output: --set bolts.split.paralelism=3: bolts.split: unknown key "paralelism", did you mean "parallelism"?
}

func ExampleGraph() {
	t, err := topology.Load("topology.yaml", []byte(wordCount))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(topology.Graph(t))
	// Output:
	// word-count: 3 components, 4 tasks, 1 worker
	//
	// lines  spout  1 task    python3 lines.py
	//   out  default  [line]                   ──┐
	//                                            │
	// split  bolt   2 tasks   python3 split.py   │
	//   in   lines    shuffle                  ◀─┘
	//   out  default  [word]                   ──┐
	//                                            │
	// count  bolt   1 task    node count.mjs     │
	//   in   split  fields [word]              ◀─┘
}
