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
	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/shells"
)

func newNimbus() *cobra.Command {
	o := host.DefaultNimbusOptions()
	var tokenFile string
	roles := roleFiles{}
	c := &cobra.Command{
		Use:   "nimbus",
		Short: "Run a nimbus: it takes deploys and decides where work runs",
		Args:  usage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			var err error
			if o.Token, err = ensureToken(tokenFile); err != nil {
				return err
			}
			if o.Roles, err = roles.tokens(o.Token); err != nil {
				return err
			}
			return runDaemon(func(ctx context.Context, log *slog.Logger) error { return host.RunNimbus(ctx, o, log) })
		},
	}
	clusterFlags(c, &o.ClusterOptions)
	c.Flags().StringVar(&o.Listen, "listen", o.Listen, "where the API listens, as `HOST:PORT`")
	c.Flags().StringVar(&o.Advertise, "advertise", "", "`URL` at which other nimbuses reach it (default: where it listens)")
	c.Flags().StringVar(&o.TLS.Cert, "tls-cert", "", "PEM `file` with the certificate of the API, which may then be reached from other machines")
	c.Flags().StringVar(&o.TLS.Key, "tls-key", "", "PEM `file` with its key")
	c.Flags().StringVar(&o.TLS.CA, "tls-ca", "", "PEM `file` with the CA of the other nimbuses' certificates (default: those that the system trusts)")
	c.Flags().StringVar(&tokenFile, "token-file", "", "`file` with the token that clients must know; made if it is missing")
	c.Flags().StringVar(&o.TLS.ClientCA, "client-ca", "", "PEM `file` with the CA of clients' certificates, whose OU gives a role (default: clients show tokens)")
	roles.flags(c)
	pluginFlags(c, &o.Plugins)
	return configured(c)
}

// pluginFlags say what a nimbus leaves to others.
func pluginFlags(c *cobra.Command, o *host.PluginOptions) {
	c.Flags().StringSliceVar(&o.Scheduler, "scheduler", nil, "a plugin that decides where tasks run, as `PROGRAM[,ARGUMENT…]` (default: the built-in)")
	c.Flags().StringSliceVar(&o.Authorizer, "authorizer", nil, "a plugin that decides who may do what, as `PROGRAM[,ARGUMENT…]` (default: by role)")
	c.Flags().StringSliceVar(&o.Sink, "sink", nil, "a plugin that takes figures and events, as `PROGRAM[,ARGUMENT…]` (default: none)")
	c.Flags().StringVar(&o.SinkFile, "sink-file", "", "`file` to which figures and events are added as lines of JSON; - adds events to the log")
	c.Flags().DurationVar(&o.SinkInterval, "sink-interval", o.SinkInterval, "the time between two figures for the sink")
	c.Flags().StringSliceVar(&o.Checksums, "plugin-checksums", nil, "what files of plugins must be, as `FILE=SHA256`; a plugin without one is not started if there are any")
}

// roleFiles are those that hold the tokens of people who may do less than everything.
type roleFiles struct{ operator, viewer string }

func (f *roleFiles) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.operator, "operator-token-file", "", "`file` with the token of those who may change what is deployed, and not deploy")
	c.Flags().StringVar(&f.viewer, "viewer-token-file", "", "`file` with the token of those who may only look")
}

// tokens reads the files that were given. Equal tokens are refused: nobody could
// tell whose they are.
func (f *roleFiles) tokens(admin string) (map[api.Role]string, error) {
	files := map[api.Role]string{api.Operator: f.operator, api.Viewer: f.viewer}
	tokens, of := map[api.Role]string{}, map[string]api.Role{admin: api.Admin}
	for _, role := range api.Roles {
		file := files[role]
		if file == "" {
			continue
		}
		token, err := readToken(file)
		if err != nil {
			return nil, err
		}
		if other, taken := of[token]; taken {
			return nil, fmt.Errorf("the token in %s is that of the %s, too: put another one there", file, other)
		}
		tokens[role], of[token] = token, role
	}
	return tokens, nil
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
