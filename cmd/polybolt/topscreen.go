package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/polybolt/polybolt/host/api"
)

// topOrder is an order in which top shows components, and the key that chooses it.
type topOrder struct {
	key     byte
	name    string
	compare func(a, b *Rate) int
}

// topOrders are the orders, with the most first where there are figures; the
// first is that of topologies and their tasks, as they come.
var topOrders = []topOrder{
	{'n', "name", func(*Rate, *Rate) int { return 0 }},
	{'r', "rate", func(a, b *Rate) int { return cmp.Compare(b.PerSecond, a.PerSecond) }},
	{'i', "in-flight", func(a, b *Rate) int { return cmp.Compare(b.InFlight, a.InFlight) }},
	{'f', "failed", func(a, b *Rate) int { return cmp.Compare(b.Failed, a.Failed) }},
	{'e', "errors", func(a, b *Rate) int { return cmp.Compare(b.Errors, a.Errors) }},
	{'s', "restarts", func(a, b *Rate) int { return cmp.Compare(b.Restarts, a.Restarts) }},
	{'m', "p50", func(a, b *Rate) int { return cmp.Compare(b.P50, a.P50) }},
	{'l', "p99", func(a, b *Rate) int { return cmp.Compare(b.P99, a.P99) }},
}

func orderNames() (names []string) {
	for _, o := range topOrders {
		names = append(names, o.name)
	}
	return names
}

// topView is how components are to be shown.
type topView struct {
	order    int // of topOrders
	reversed bool
}

// by returns the view in the order of a name.
func (v topView) by(name string) (topView, error) {
	v.order = slices.IndexFunc(topOrders, func(o topOrder) bool { return o.name == name })
	if v.order < 0 {
		return v, unusable("--sort %s: there are %s", name, strings.Join(orderNames(), ", "))
	}
	return v, nil
}

// The keys that are no order.
const (
	keyReverse = 'R'
	keyQuit    = 'q'
	keyCtrlC   = 3 // which is no signal while keys are read one by one
)

// press changes the view as a key says; quit: the user wants to leave.
func (v *topView) press(key byte) (quit bool) {
	switch {
	case key == keyQuit, key == keyCtrlC:
		return true
	case key == keyReverse:
		v.reversed = !v.reversed
	default:
		if i := slices.IndexFunc(topOrders, func(o topOrder) bool { return o.key == key }); i >= 0 {
			v.order, v.reversed = i, false
		}
	}
	return false
}

// sort puts rates into the order; equal ones stay as they come.
func (v *topView) sort(rates []Rate) {
	slices.SortStableFunc(rates, func(a, b Rate) int { return topOrders[v.order].compare(&a, &b) })
	if v.reversed {
		slices.Reverse(rates)
	}
}

// help is the line of the keys.
func (v *topView) help() string {
	var keys []string
	for _, o := range topOrders {
		keys = append(keys, fmt.Sprintf("%c %s", o.key, o.name))
	}
	order := topOrders[v.order].name
	if v.reversed {
		order += ", reversed"
	}
	return fmt.Sprintf("sorted by %s   %s   %c reverse   %c quit", order, strings.Join(keys, "  "), keyReverse, keyQuit)
}

// Control sequences (ECMA-48, and the private modes of xterm that all terminals have).
const (
	screenOn  = "\x1b[?1049h\x1b[?25l" // the other screen, no cursor
	screenOff = "\x1b[?25h\x1b[?1049l"
	home      = "\x1b[H"
	toLineEnd = "\x1b[K" // empty
	toEnd     = "\x1b[J"
)

// screenful fits text into a screen: lines beyond the last but one are counted there.
func screenful(text, help string, width, height int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if room := max(height-1, 1); len(lines) > room {
		lines = append(lines[:room-1], fmt.Sprintf("… %d more lines: make the window higher, or name a topology", len(lines)-room+1))
	}
	var b strings.Builder
	b.WriteString(home)
	for _, l := range append([]string{help}, lines...) {
		b.WriteString(paint([]span{{text: l}}, width, false))
		b.WriteString(toLineEnd + "\r\n")
	}
	return strings.TrimSuffix(b.String(), "\r\n") + toEnd
}

// live shows the figures on a terminal until the user leaves, or ctx ends.
// Keys are read one by one if the input is a terminal, too.
func (t *top) live(ctx context.Context, out io.Writer, every time.Duration, view topView) error {
	keys := make(chan byte, 16) // never closed: whoever reads may outlive this
	in := int(os.Stdin.Fd())
	if term.IsTerminal(in) {
		before, err := term.MakeRaw(in)
		if err != nil {
			return fmt.Errorf("read keys: %w", err)
		}
		defer func() { _ = term.Restore(in, before) }() // a terminal that is gone needs nothing
		go readKeys(keys)
	}
	fmt.Fprint(out, screenOn)
	defer fmt.Fprint(out, screenOff)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	trouble, err := t.lookAgain(ctx)
	for err == nil {
		t.draw(out, view, trouble)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			trouble, err = t.lookAgain(ctx)
		case key := <-keys:
			if view.press(key) {
				return nil
			}
		}
	}
	return err
}

// specialKey is what a terminal sends for an arrow and the like (ECMA-48: CSI, SS3).
var specialKey = regexp.MustCompile("\x1b(?:\\[[0-?]*[ -/]*[@-~]?|O.?)?")

// plainKeys returns the keys of which a terminal sends one byte each.
func plainKeys(b []byte) []byte { return specialKey.ReplaceAll(b, nil) }

// readKeys reads until the process ends.
func readKeys(keys chan<- byte) {
	buf := make([]byte, 64)
	for {
		n, err := os.Stdin.Read(buf)
		for _, key := range plainKeys(buf[:n]) {
			keys <- key
		}
		if err != nil {
			return
		}
	}
}

// lookAgain looks. That no nimbus leads at the moment is told, and no reason to end.
func (t *top) lookAgain(ctx context.Context) (trouble string, err error) {
	rates, silent := t.rates, t.silent
	err = t.look(ctx)
	var e *api.Error
	if errors.As(err, &e) && t.before != nil && e.Passing() {
		t.rates, t.silent = rates, silent
		return "as of the last answer: " + e.Text, nil
	}
	return "", err
}

// draw draws the screen anew.
func (t *top) draw(out io.Writer, view topView, trouble string) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		width, height = 80, 24 // what terminals had for long
	}
	shown := *t
	shown.rates = slices.Clone(t.rates)
	view.sort(shown.rates)
	var table strings.Builder
	shown.table(&table)
	if trouble != "" {
		fmt.Fprintln(&table, harmless(trouble))
	}
	fmt.Fprint(out, screenful(table.String(), view.help(), width, height))
}
