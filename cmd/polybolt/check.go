package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/polybolt/polybolt/multilang"
	"github.com/polybolt/polybolt/multilang/judge"
	"github.com/polybolt/polybolt/shells"
)

// checkFlags are the flags of check.
type checkFlags struct {
	output
	as       []string
	level    string
	reads    []string
	emits    []string
	conf     []string
	only     []string
	startup  time.Duration
	patience time.Duration
	jobs     int
}

func newCheck() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [flags] COMMAND [ARGUMENT...]",
		Short: "Judge whether a program speaks the protocol as it should",
		Long: `Starts a program as a component, plays conversations with it, and says which of them went
wrong: what was wrong, in which message, and the sentence of PROTOCOL.md (or STORM.md) that
it breaks.

Of a program of which nothing is known, only what holds for any is judged: the handshake,
order and form of its answers, chunks, ticks, the end. As it cannot be known how long a program
will be silent, it is also started as a component written for Storm, on the JSON and then the
msgpack form of its protocol: one that answers there is held to STORM.md. Whoever writes an SDK writes the
reference components of multilang/testdata/transcripts with it, and has them all judged:
{} in COMMAND stands for a component's name, and those that have no file are skipped.

  polybolt check --reads line --emits word python3 split.py
  polybolt check --as split perl split.pl
  polybolt check ruby 'components/{}.rb'
  polybolt check --reads line --emits word node resources/splitsentence.js

The program runs in the current folder. It may read the component's name in
POLYBOLT_COMPONENT, and the level that is wanted in POLYBOLT_LEVEL: rows or columns; it is
judged at each level that it speaks. Exit codes: 0 all passed, 1 something is wrong,
2 the command line is.`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: f.run,
	}
	c.Flags().SetInterspersed(false) // what follows COMMAND is its own
	c.Flags().StringSliceVar(&f.as, "as", nil, "the `COMPONENT` of the transcripts that the program is; all: by POLYBOLT_COMPONENT it can be every one")
	c.Flags().StringVar(&f.level, "level", "auto", "the `LEVEL` to be judged at: "+strings.Join(levelNames(), ", ")+", or auto: all that it speaks")
	c.Flags().StringSliceVar(&f.reads, "reads", nil, "the `FIELDS` that a bolt of your own reads, by commas (default x)")
	c.Flags().StringSliceVar(&f.emits, "emits", nil, "the `FIELDS` that a component of your own emits, by commas (default x)")
	c.Flags().StringArrayVar(&f.conf, "config", nil, "an entry of the config of a component of your own, as `KEY=VALUE`, the value in YAML")
	c.Flags().StringSliceVar(&f.only, "only", nil, "play the `TRANSCRIPT` of this name and no other")
	c.Flags().DurationVar(&f.startup, "startup", 10*time.Second, "how long the program may take to greet, and to be ready")
	c.Flags().DurationVar(&f.patience, "patience", 10*time.Second, "how long the program may take over a step")
	c.Flags().IntVar(&f.jobs, "jobs", 4, "conversations at a time")
	f.add(c)
	return c
}

// dialect is a way in which a program can be spoken with.
type dialect struct {
	name  string // as --level takes it
	level multilang.Level
	storm *judge.Storm // nil: it speaks PROTOCOL.md
}

// dialects are all that check knows. Those of components written for Storm are
// tried on programs that do not speak first.
var dialects = []dialect{
	{name: "columns", level: multilang.Columns},
	{name: "rows", level: multilang.Rows},
	{name: "storm-json", level: multilang.Columns, storm: &judge.Storm{}},
	{name: "storm-msgpack", level: multilang.Columns, storm: &judge.Storm{Msgpack: true}},
}

func levelNames() []string {
	var names []string
	for _, d := range dialects {
		names = append(names, d.name)
	}
	return names
}

// anyPart is what stands for a component's name in a command.
const anyPart = "{}"

func (f *checkFlags) run(c *cobra.Command, command []string) error {
	ctx, cancel := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	k, err := f.open(command)
	if err != nil {
		return err
	}
	defer k.close()
	spoken, err := k.tryLevels(ctx, f.level)
	if err != nil {
		return err
	}
	results, err := k.play(ctx, spoken, f.jobs)
	if err != nil {
		return err
	}
	report := newCheckReport(command, results)
	if err := f.print(c.OutOrStdout(), report, func(w io.Writer) { report.table(w) }); err != nil {
		return err
	}
	if report.Failed > 0 {
		return exit{code: exitFailure}
	}
	return nil
}

// checker judges one command.
type checker struct {
	command     []string
	transcripts []*judge.Transcript
	options     judge.Options
	sdk         *shells.SDK
	scratch     string
}

// open reads the flags and chooses the transcripts.
func (f *checkFlags) open(command []string) (*checker, error) {
	if f.level != "auto" && !slices.Contains(levelNames(), f.level) {
		return nil, unusable("--level %s: there are auto, %s", f.level, strings.Join(levelNames(), ", "))
	}
	if f.jobs < 1 || f.patience <= 0 || f.startup <= 0 {
		return nil, unusable("--jobs, --startup and --patience are more than 0")
	}
	schema, err := f.schema()
	if err != nil {
		return nil, err
	}
	k := &checker{command: command}
	if k.transcripts, err = chosenTranscripts(f.as, strings.Contains(strings.Join(command, " "), anyPart), schema); err != nil {
		return nil, err
	}
	if k.transcripts, err = onlyThose(k.transcripts, f.only); err != nil {
		return nil, err
	}
	state, err := shells.StateDir()
	if err == nil {
		k.sdk, err = shells.OpenSDK(state)
	}
	if err == nil {
		k.scratch, err = os.MkdirTemp("", "polybolt-check-")
	}
	k.options = judge.Options{Startup: f.startup, Patience: f.patience, Scratch: k.scratch}
	return k, err
}

func (k *checker) close() {
	_ = os.RemoveAll(k.scratch) // the program's own scratch files: nothing to be said about them
}

func (f *checkFlags) schema() (judge.Schema, error) {
	var s judge.Schema
	if f.reads != nil {
		s.Inputs = []multilang.WelcomeInput{{Component: "source", Stream: "default", Fields: f.reads}}
	}
	if f.emits != nil {
		s.Outputs = []multilang.WelcomeOutput{{Stream: "default", Fields: f.emits}}
	}
	for _, entry := range f.conf {
		key, text, ok := strings.Cut(entry, "=")
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil || !ok {
			return s, unusable("--config %s: write KEY=VALUE, as in --config path=book.txt", entry)
		}
		if s.Conf == nil {
			s.Conf = map[string]any{}
		}
		s.Conf[key] = value
	}
	return s, nil
}

// chosenTranscripts returns those of the components that the program is, and
// without any such those that every program can play.
func chosenTranscripts(as []string, template bool, schema judge.Schema) ([]*judge.Transcript, error) {
	all, err := judge.Load(multilang.Testdata())
	if err != nil {
		return nil, err
	}
	if as == nil {
		as = []string{map[bool]string{true: "all", false: judge.Any}[template]}
	}
	var names []string
	var chosen []*judge.Transcript
	for _, t := range all {
		names = append(names, t.Component)
		switch {
		case t.Component == judge.Any && slices.Contains(as, judge.Any):
			t, err := t.For(schema)
			if err != nil {
				return nil, unusable("%w", err)
			}
			chosen = append(chosen, t)
		case t.Component != judge.Any && (slices.Contains(as, "all") || slices.Contains(as, t.Component)):
			chosen = append(chosen, t)
		}
	}
	slices.Sort(names)
	for _, name := range as {
		if name != "all" && !slices.Contains(names, name) {
			return nil, unusable("--as %s: the transcripts have %s", name, strings.Join(slices.Compact(names), ", "))
		}
	}
	return chosen, nil
}

// onlyThose picks transcripts by name.
func onlyThose(all []*judge.Transcript, names []string) ([]*judge.Transcript, error) {
	if names == nil {
		return all, nil
	}
	var chosen []*judge.Transcript
	for _, name := range names {
		i := slices.IndexFunc(all, func(t *judge.Transcript) bool { return t.Name == name })
		if i < 0 {
			return nil, unusable("--only %s: there is no such transcript for the component", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// starter returns what starts the program as a component that speaks a dialect.
func (k *checker) starter(d dialect) judge.Start {
	sdk := k.sdk
	if d.storm != nil {
		sdk = nil // it takes stdout away from user code, of which Storm's libraries are a part
	}
	return func(component string, level multilang.Level, h judge.Handlers) (judge.Process, error) {
		return k.start(sdk, component, level, h)
	}
}

func (k *checker) start(sdk *shells.SDK, component string, level multilang.Level, h judge.Handlers) (judge.Process, error) {
	command := make([]string, len(k.command))
	for i, arg := range k.command {
		command[i] = strings.ReplaceAll(arg, anyPart, component)
		if arg == command[i] || filepath.Ext(arg) == "" && !strings.Contains(arg, "/") {
			continue
		}
		if _, err := os.Stat(command[i]); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: there is no %s", judge.ErrUnknown, command[i])
		}
	}
	child, err := shells.Start(shells.Spec{
		Name: component, Command: command, Dir: ".", SDK: sdk,
		Env:        map[string]string{"POLYBOLT_LEVEL": level.String(), "POLYBOLT_COMPONENT": component},
		Output:     func(b []byte) (int, int, error) { h.Output(b); return len(b), 0, nil },
		StderrLine: func(b []byte) { h.Stderr(append(slices.Clip(b), '\n')) },
		Exited:     func(e shells.Exit) { h.Exited(e.Code, e.String()) },
	})
	if err != nil {
		return nil, err
	}
	return checkedChild{child}, nil
}

// checkedChild is a child as the judge knows it.
type checkedChild struct{ *shells.Child }

func (c checkedChild) Kill() { c.Child.Kill(errors.New("the conversation is over")) }

// conversation is a transcript to be played in a dialect.
type conversation struct {
	dialect    dialect
	transcript *judge.Transcript
}

// played is a conversation that was had.
type played struct {
	dialect string
	judge.Result
}

// play plays all transcripts in all dialects, so many at a time.
func (k *checker) play(ctx context.Context, s *spoken, jobs int) ([]played, error) {
	if len(s.dialects) == 0 {
		return []played{{Result: *s.silent}}, nil
	}
	var all []conversation
	for _, d := range s.dialects {
		for _, t := range k.transcripts {
			if t.Component != judge.Any || t.Kind == s.kind {
				all = append(all, conversation{d, t})
			}
		}
	}
	results, errs := make([]played, len(all)), make([]error, len(all))
	var wg sync.WaitGroup
	slots := make(chan struct{}, jobs)
	for i, c := range all {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i].dialect = c.dialect.name
			options := k.optionsFor(c.dialect)
			options.Scratch = filepath.Join(k.scratch, c.dialect.name+"-"+c.transcript.Name)
			if errs[i] = os.Mkdir(options.Scratch, 0o700); errs[i] != nil {
				return
			}
			results[i].Result, errs[i] = judge.Play(ctx, c.transcript, c.dialect.level, k.starter(c.dialect), options)
		})
	}
	wg.Wait()
	return results, errors.Join(errs...)
}
