// A bolt in Go: every row, unchanged.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/polybolt/polybolt/multilang/multilangtest"
)

func main() {
	err := multilangtest.RunBolt(func(_ *multilangtest.Child, row []any) ([][]any, error) { return [][]any{row}, nil }, nil, nil)
	if err != nil && !errors.Is(err, io.EOF) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
