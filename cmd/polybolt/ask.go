package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/topology"
)

// asker is a command that asks nimbus about something and prints the answer.
type asker struct {
	clientFlags
	output
}

// command builds the command. ask is given a context that ends with Ctrl-C.
func (a *asker) command(c *cobra.Command, ask func(context.Context, *api.Client, io.Writer, []string) error) *cobra.Command {
	c.RunE = func(c *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt)
		defer stop()
		client, err := a.client()
		if err != nil {
			return err
		}
		defer client.Close()
		err = ask(ctx, client, c.OutOrStdout(), args)
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil // Ctrl-C is how one leaves
		}
		return err
	}
	if c.ValidArgsFunction == nil && strings.Contains(c.Use, "NAME") {
		c.ValidArgsFunction = completeDeployed(&a.clientFlags)
	}
	a.clientFlags.add(c)
	return c
}

// quickly bounds a question that nimbus answers from memory.
func quickly[T any](ctx context.Context, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return ask(ctx)
}

func nameOf(args []string) topology.Name { return topology.Name(args[0]) }

// since words how long ago something was; empty if it never was.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ago(t)
}

// clusterCommands are the commands that ask nimbus, deploy, list and kill aside.
func clusterCommands() []*cobra.Command {
	return []*cobra.Command{newStatus(), newTop(), newLogs(), newErrors(), newTap(), newStacks(), newLogLevel(), newActivate(), newDeactivate(), newRebalance(), newRollback(), newDoctor()}
}
