package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/shells"
)

func newNimbus() *cobra.Command {
	o := host.DefaultNimbusOptions()
	var tokenFile string
	c := &cobra.Command{
		Use:   "nimbus",
		Short: "Run a nimbus: it takes deploys and decides where work runs",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			var err error
			if o.Token, err = ensureToken(tokenFile); err != nil {
				return err
			}
			return runDaemon(func(ctx context.Context, log *slog.Logger) error { return host.RunNimbus(ctx, o, log) })
		},
	}
	clusterFlags(c, &o.ClusterOptions)
	c.Flags().StringVar(&o.Listen, "listen", o.Listen, "where the API listens, as `HOST:PORT`")
	c.Flags().StringVar(&o.Advertise, "advertise", "", "`URL` at which other nimbuses reach it (default: http://LISTEN)")
	c.Flags().StringVar(&tokenFile, "token-file", "", "`file` with the token that clients must know; made if it is missing")
	return c
}

// tokenFileName is where daemon and clients of one user look for the token by default.
const tokenFileName = "token"

// defaultState returns a file of the state folder.
func defaultState(name string) (string, error) {
	state, err := shells.StateDir()
	return filepath.Join(state, name), err
}

// ensureToken reads the token, or makes one.
func ensureToken(file string) (string, error) {
	if file == "" {
		var err error
		if file, err = defaultState(tokenFileName); err != nil {
			return "", err
		}
	}
	token, err := readToken(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	token = rand.Text()
	_, err = fmt.Fprintln(f, token)
	return token, errors.Join(err, f.Close())
}

// readToken reads a token that nobody else can read.
func readToken(file string) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("other users can read the token in %s: chmod 600 it, and if they are not trusted, make a new one", file)
	}
	b, err := os.ReadFile(file)
	token := strings.TrimSpace(string(b))
	if err == nil && token == "" {
		err = fmt.Errorf("%s is empty: it should hold a token; remove it to have one made", file)
	}
	return token, err
}
