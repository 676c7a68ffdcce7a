package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// configured lets all flags of a daemon be given in a file and in the
// environment too: --cluster-key is cluster_key there and POLYBOLT_CLUSTER_KEY
// here. A flag that is given counts more than the environment, that more than
// the file, and that more than the default. One file serves all daemons of a
// machine: each takes what it knows.
func configured(c *cobra.Command) *cobra.Command {
	var file string
	c.Flags().StringVar(&file, "config", "", "YAML `file` with what is not given as a flag, nor in the environment (see docs/polybolt.yaml)")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if file == "" {
			file = os.Getenv(envName("config"))
		}
		return configure(c.Flags(), file)
	}
	return c
}

// configKey is a flag's name in the file.
func configKey(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// envName is a flag's name in the environment.
func envName(flag string) string { return "POLYBOLT_" + strings.ToUpper(configKey(flag)) }

// configure sets the flags that are not given as file and environment say.
func configure(flags *pflag.FlagSet, file string) error {
	// The delimiter is one that no key holds: none is nested.
	v := viper.NewWithOptions(viper.KeyDelimiter("::"))
	if file != "" {
		v.SetConfigFile(file)
		v.SetConfigType("yaml")
		if err := v.ReadInConfig(); err != nil {
			return unusable("%s: %w", file, err)
		}
		if err := knownKeys(file, v.AllKeys()); err != nil {
			return err
		}
	}
	var errs []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || !configurable(f.Name) {
			return
		}
		key, where := configKey(f.Name), "$"+envName(f.Name)
		if os.Getenv(envName(f.Name)) == "" {
			where = file + ": " + key
		}
		// Bound one by one: viper shows nothing of the environment otherwise.
		if err := v.BindEnv(key, envName(f.Name)); err != nil {
			errs = append(errs, err)
			return
		}
		if !v.IsSet(key) {
			return
		}
		value, err := flagText(v.Get(key))
		if err == nil {
			err = flags.Set(f.Name, value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", where, err))
		}
	})
	if err := errors.Join(errs...); err != nil {
		return unusable("%w", err)
	}
	return nil
}

// configurable tells whether a flag may be given in a file.
func configurable(flag string) bool { return flag != "config" && flag != "help" }

// flagText writes a value as a flag has it.
func flagText(value any) (string, error) {
	switch value := value.(type) {
	case string, bool, int, float64:
		return fmt.Sprint(value), nil
	case []any:
		texts := make([]string, len(value))
		for i, v := range value {
			text, ok := v.(string)
			if !ok {
				return "", fmt.Errorf("%v is no text: put it in quotes", v)
			}
			texts[i] = text
		}
		return strings.Join(texts, ","), nil
	}
	return "", errors.New("it should be one value, or a list of texts")
}

// knownKeys refuses what no daemon knows: it would be a setting that somebody counts on.
func knownKeys(file string, keys []string) error {
	var known []string
	for _, c := range []*cobra.Command{newNimbus(), newSupervisor(), newLogview()} {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if configurable(f.Name) {
				known = append(known, configKey(f.Name))
			}
		})
	}
	slices.Sort(known)
	known = slices.Compact(known)
	for _, key := range keys {
		if !slices.Contains(known, key) {
			return unusable("%s: there is no setting %q; there are %s", filepath.Base(file), key, strings.Join(known, ", "))
		}
	}
	return nil
}
