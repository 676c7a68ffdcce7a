package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/topology"
)

// deployFlags are the flags of deploy.
type deployFlags struct {
	clientFlags
	waitFlags
	flux fluxFlags
	set  []string
}

// waitFlags are those of all commands that begin a change and wait for its end.
type waitFlags struct {
	timeout, drain time.Duration
	noWait         bool
}

func (f *waitFlags) add(c *cobra.Command) {
	c.Flags().DurationVar(&f.timeout, "timeout", 60*time.Second, "the `TIME` for the new version to be ready, else the old one stays")
	c.Flags().DurationVar(&f.drain, "drain", 30*time.Second, "the `TIME` for the old version to finish what is in flight")
	c.Flags().BoolVar(&f.noWait, "no-wait", false, "return at once; also: let it wait for slots")
}

func newDeploy() *cobra.Command {
	var f deployFlags
	c := &cobra.Command{
		Use:     "deploy [FILE|DIR]",
		Aliases: []string{"submit"},
		Short:   "Bring a topology up on a cluster, in place of the version that runs there",
		Long: `Packs the folder of a topology (by default ./topology.yaml), sends it to nimbus, and
shows how it comes up. A version that runs already goes on until the new one is ready;
if that does not become ready, the old one stays, and the exit code is 1.`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
			defer stop()
			return f.deploy(ctx, c.OutOrStdout(), argOr(args, "."))
		},
	}
	f.clientFlags.add(c)
	f.waitFlags.add(c)
	c.ValidArgsFunction = completeTopology
	c.Flags().StringArrayVar(&f.set, "set", nil, setHelp)
	f.flux.add(c)
	return c
}

func (f *deployFlags) deploy(ctx context.Context, out io.Writer, path string) error {
	b, err := f.flux.open(path, f.set)
	if err != nil {
		return err
	}
	file, extra, native, err := nativeOf(b)
	if err != nil {
		return err
	}
	client, err := f.client()
	if err != nil {
		return err
	}
	defer client.Close()
	packed, err := blob.PackWith(b.Dir, blob.DefaultLimits(), extra, native)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "packed %s: %s, %d KiB (%s)\n", b.Topology.Name, plural(packed.Files, "file"), (len(packed.Data)+1023)>>10, packed.Hash.Short())
	a, err := deployWhenLed(ctx, out, client, api.DeployRequest{
		Name: b.Topology.Name, File: file, Set: f.set, Timeout: f.timeout, Drain: f.drain, Wait: !f.noWait,
	}, packed.Data)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "taken:", a.Text)
	if f.noWait {
		return nil
	}
	return follow(ctx, out, client, b.Topology.Name, a.ID)
}

// deployWhenLed sends a deploy. While no nimbus leads, as when a cluster has just
// been started, nothing has happened, and it is sent again.
func deployWhenLed(ctx context.Context, out io.Writer, client *api.Client, r api.DeployRequest, bundle []byte) (*api.Accepted, error) {
	deadline := time.Now().Add(followPatience)
	for told := false; ; told = true {
		a, err := client.Deploy(ctx, r, bytes.NewReader(bundle))
		var e *api.Error
		if !errors.As(err, &e) || e.Code != api.CodeNoLeader || time.Now().After(deadline) {
			return a, err
		}
		if !told {
			fmt.Fprintln(out, "waiting: no nimbus leads at the moment")
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// followEvery is how often the progress of a change is asked for.
const followEvery = 150 * time.Millisecond

// followPatience is how long a command that follows a change bears with a nimbus that
// does not answer: another one takes over by then.
const followPatience = 30 * time.Second

// follow shows how a change goes, until it has ended.
func follow(ctx context.Context, out io.Writer, client *api.Client, name topology.Name, id string) error {
	shown, heard := "", time.Now()
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		s, err := quickly(ctx, func(ctx context.Context) (*api.Status, error) { return client.Status(ctx, name) })
		var e *api.Error
		switch {
		case err == nil:
			heard = time.Now()
			if text := progress(s, id); text != shown && text != "" {
				shown = text
				fmt.Fprintln(out, text)
			}
			if done, err := ended(out, s, id); done {
				return err
			}
		case errors.As(err, &e) && e.Code == api.CodeNotFound:
			fmt.Fprintln(out, name, "is gone")
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("interrupted: the change goes on; look with `polybolt status %s`", name)
		case time.Since(heard) > followPatience:
			return fmt.Errorf("the change is saved and goes on, but %w", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// progress words how far a change is.
func progress(s *api.Status, id string) string {
	c := s.Change
	if c == nil || c.ID != id {
		return ""
	}
	var parts []string
	for _, x := range c.Components {
		text := fmt.Sprintf("%s %d/%d", x.Component, x.Ready, x.Tasks)
		if x.Why != "" {
			text += " (" + firstLine(x.Why, 120) + ")"
		}
		parts = append(parts, text)
	}
	text := c.Step
	if c.Why != "" {
		text = "undoing, because " + firstLine(c.Why, 300) + ": " + c.Step
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// ended tells whether a change has ended, and words how.
func ended(out io.Writer, s *api.Status, id string) (bool, error) {
	o := s.Last
	if o == nil || o.ID != id {
		return false, nil
	}
	if !o.OK {
		return true, fmt.Errorf("%s of %s failed: %s", o.Kind, s.Name, o.Why)
	}
	gap := ""
	if o.Gap > 0 {
		gap = fmt.Sprintf(", no spout ran for %s", o.Gap.Round(time.Millisecond))
	}
	fmt.Fprintf(out, "%s: version %d runs as run %d, after %s%s\n", s.Name, s.Version, s.Run, o.Took.Round(time.Millisecond), gap)
	return true, nil
}

// sortedNames lists the names in a list of topologies, for completion.
func sortedNames(list []api.Topology) []string {
	var names []string
	for _, t := range list {
		names = append(names, string(t.Name))
	}
	slices.Sort(names)
	return names
}
