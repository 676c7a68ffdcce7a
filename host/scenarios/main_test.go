package scenarios

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/polybolt/polybolt/tools/program"
)

// binary is the program under test.
var binary string

// patience bounds everything that a test waits for: the machine may be busy.
const patience = 5 * time.Minute

// atOnce is how many tests run at the same time: most of them wait.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := false
	flag.Visit(func(f *flag.Flag) { parallel = parallel || f.Name == "test.parallel" })
	if !parallel {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	var flags []string
	if raced {
		flags = []string{"-race"}
	}
	os.Exit(program.Main(m, &binary, flags...))
}
