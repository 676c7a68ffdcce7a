package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/host"
	"github.com/polybolt/polybolt/host/api"
)

// clientFlags say which nimbus a command asks.
type clientFlags struct {
	nimbus, tokenFile, caFile string
	cert, key                 string // files of the user's certificate
}

// nimbusFileName is where `dev` leaves its URL for clients of the same user.
const nimbusFileName = "nimbus"

// defaultNimbus is where a nimbus listens that was told nothing.
const defaultNimbus = "http://127.0.0.1:6627"

func (f *clientFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.nimbus, "nimbus", "", "where nimbus is, as `URL[,URL]` (else POLYBOLT_NIMBUS, else the one that dev runs)")
	c.Flags().StringVar(&f.caFile, "ca-file", "", "the PEM `FILE` with the CA of its certificate (else POLYBOLT_CA_FILE, else those that the system trusts)")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "the `FILE` with its token (else POLYBOLT_TOKEN_FILE, else token in the state folder)")
	c.Flags().StringVar(&f.cert, "client-cert", "", "the PEM `FILE` with your certificate, in place of a token (else POLYBOLT_CLIENT_CERT)")
	c.Flags().StringVar(&f.key, "client-key", "", "the PEM `FILE` with its key (else POLYBOLT_CLIENT_KEY)")
}

// trust returns whom a client trusts.
func (f *clientFlags) trust() (*tls.Config, error) {
	return host.TrustFile(cmp.Or(f.caFile, os.Getenv("POLYBOLT_CA_FILE")))
}

// identity returns whom a client trusts, and the certificate that it shows, if any.
func (f *clientFlags) identity() (*tls.Config, error) {
	config, err := f.trust()
	if err != nil {
		return nil, err
	}
	cert, key := cmp.Or(f.cert, os.Getenv("POLYBOLT_CLIENT_CERT")), cmp.Or(f.key, os.Getenv("POLYBOLT_CLIENT_KEY"))
	switch {
	case cert == "" && key == "":
		return config, nil
	case cert == "" || key == "":
		return nil, unusable("a certificate and its key belong together: give --client-cert and --client-key")
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("your certificate: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// client connects to whoever the flags, the environment or the state folder name.
func (f *clientFlags) client() (*api.Client, error) {
	urls, err := f.urls()
	if err != nil {
		return nil, err
	}
	file := f.tokenFile
	if file == "" && f.cert == "" { // a flag counts more than the environment
		file = os.Getenv("POLYBOLT_TOKEN_FILE")
	}
	named := file != ""
	if !named {
		if file, err = defaultState(tokenFileName); err != nil {
			return nil, err
		}
	}
	identity, err := f.identity()
	if err != nil {
		return nil, err
	}
	token := "" // a certificate takes its place, unless one was asked for: it would count more
	if named || len(identity.Certificates) == 0 {
		if token, err = readToken(file); err != nil && (named || !errors.Is(err, fs.ErrNotExist)) {
			return nil, err
		}
	}
	c, err := api.NewClientTrusting(urls, token, identity)
	if err != nil {
		return nil, exit{exitUsage, err}
	}
	return c, nil
}

func (f *clientFlags) urls() ([]string, error) {
	names := f.nimbus
	if names == "" {
		names = os.Getenv("POLYBOLT_NIMBUS")
	}
	if names == "" {
		file, err := defaultState(nimbusFileName)
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if names = strings.TrimSpace(string(b)); names == "" {
			names = defaultNimbus
		}
	}
	var urls []string
	for u := range strings.SplitSeq(names, ",") {
		if u = strings.TrimSpace(u); u != "" {
			if !strings.Contains(u, "://") {
				u = "http://" + u
			}
			urls = append(urls, u)
		}
	}
	return urls, nil
}

// output says how a command prints what it lists.
type output struct{ format string }

func (o *output) add(c *cobra.Command) {
	c.Flags().StringVarP(&o.format, "output", "o", "table", "the `FORMAT`: table, json or yaml")
	completeFlag(c, "output", "table", "json", "yaml")
}

// print writes v as json or yaml, or has asTable write it.
func (o *output) print(w io.Writer, v any, asTable func(io.Writer)) error {
	switch o.format {
	case "table":
		var table bytes.Buffer
		asTable(&table)
		_, err := table.WriteTo(w)
		return err
	case "json":
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	case "yaml":
		// By way of JSON, so that both have the same names.
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		var plain any
		if err := yaml.Unmarshal(b, &plain); err != nil {
			return err
		}
		b, err = yaml.Marshal(plain)
		if err != nil {
			return err
		}
		_, err = w.Write(b)
		return err
	}
	return unusable("--output %s: there are table, json and yaml", o.format)
}

// newTable returns a table in the style of all commands.
func newTable(header ...any) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.AppendHeader(table.Row(header))
	return t
}

func renderTable(w io.Writer, t table.Writer) { fmt.Fprintln(w, t.Render()) }
