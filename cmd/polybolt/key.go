package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
)

// withNewKey gives a command a flag that makes it do something else: make the key of a cluster.
func withNewKey(c *cobra.Command) *cobra.Command {
	var file string
	c.Flags().StringVar(&file, "new-key", "", "make the key of a new cluster, in this `file`, and look at nothing")
	otherwise := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if file == "" {
			return otherwise(c, args)
		}
		return makeKey(file, c.OutOrStdout())
	}
	return c
}

// makeKey makes the key of a cluster, and says what to do with it.
func makeKey(file string, out io.Writer) error {
	err := host.WriteNewKey(file)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists, and is left as it is: a cluster with another key is another cluster", file)
	}
	if err != nil {
		return fmt.Errorf("make the key of a cluster: %w", err)
	}
	_, err = fmt.Fprintf(out, `The key of a new cluster is in %s. Whoever has it can do everything there.
Copy it to every machine of the cluster, in such a way that nobody else sees it and for the user of
the daemons alone (chmod 600), and give every daemon --cluster-key FILE.
`, file)
	return err
}
