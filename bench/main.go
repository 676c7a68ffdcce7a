// Command bench measures what bench/RESULTS.md reports: every figure of one
// run, as a ratio to a reference measured in the same run, as the median of
// several interleaved rounds with the spread. `make bench` runs it.
//
// It is also the Go components of its own topologies.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/polybolt/polybolt/multilang/multilangtest"
)

// componentVariable names the component that this program is to be.
const componentVariable = "POLYBOLT_BENCH_COMPONENT"

// notesVariable names the folder where a component notes times.
const notesVariable = "POLYBOLT_BENCH_NOTES"

func main() {
	multilangtest.Main(componentVariable, components)
	b := &bench{}
	flag.StringVar(&b.polybolt, "polybolt", "bin/polybolt", "the binary to measure")
	flag.StringVar(&b.noFigures, "without", "", "the same, built with -tags nofigures")
	flag.StringVar(&b.python, "python", "python3", "the interpreter of the Python components and of the reference")
	flag.StringVar(&b.node, "node", "node", "the interpreter of the Node components")
	flag.StringVar(&b.dir, "dir", "bench", "this folder")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds")
	flag.Float64Var(&b.seconds, "seconds", 5, "length of a throughput measurement")
	only := flag.String("only", "", "only the cases whose names contain one of these, separated by semicolons")
	flag.Parse()
	if *only != "" {
		b.only = strings.Split(*only, ";")
	}
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
