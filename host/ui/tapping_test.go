package ui

import (
	"cmp"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/hosttest"
	"github.com/polybolt/polybolt/host/topology"
)

// Issue 6: a tap in the page, with the rights of a viewer, by pointer on a desktop.
func TestTapping(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.deploy(t)
	b := d.signIn(t, api.Viewer, desktop, false)

	t.Run("an edge of the diagram leads to its tuples", func(t *testing.T) {
		b.t = t
		b.goTo("/topologies/newsroom")
		hosttest.Eventually(t, "edges flow", func() bool { return b.js("return document.querySelectorAll('.edge.flows').length") == float64(5) })
		b.click(".edge text", "/s") // some edge: its label can be hit, as its line can
		b.sees(".tuples tbody", ":")
		b.goTo("/topologies/newsroom/tap/check-%3Earchive")
		b.sees(".tuples thead", "verdict")
		b.sees(".tuples tbody", "bad")
		b.sees(".tapped", "live")
		b.sees(".counted", "passed")
		b.accessible()
	})

	t.Run("a condition, fields, and a sample", func(t *testing.T) {
		b.t = t
		b.write("input[name=where]", `verdict == "good" and line contains "hope"`)
		b.click("fieldset input[name=field-verdict]", "") // not to be shown
		b.click("form button", "Start")
		hosttest.Eventually(t, "only what meets the condition is shown", func() bool {
			return b.js(`const rows = [...document.querySelectorAll('.tuples tbody tr')]
				return rows.length > 3 && rows.every((r) => r.textContent.includes('spring of hope'))`) == true
		})
		if head := b.text(".tuples thead"); strings.Contains(head, "verdict") {
			t.Errorf("the columns are %q", head)
		}
		b.write("input[name=sample]", "50")
		b.click("form button", "Start")
		hosttest.Eventually(t, "half of them are looked at", func() bool {
			share, _ := b.js(`const n = document.querySelector('.counted')?.textContent.match(/([\d,]+) passed, ([\d,]+) looked at/)?.slice(1).map((x) => Number(x.replaceAll(',', '')))
				return n && n[0] > 200 ? n[1] / n[0] : 0`).(float64)
			return share > 0.2 && share < 0.8
		})
	})

	t.Run("it pauses, goes on, and stops", func(t *testing.T) {
		b.t = t
		first := func() string { return b.text(".tuples tbody tr time") }
		b.click("form button", "Pause")
		b.sees(".tapped", "paused")
		at, counted := first(), b.text(".counted")
		hosttest.Eventually(t, "it is counted all the same", func() bool { return b.text(".counted") != counted })
		if now := first(); now != at {
			t.Errorf("paused at %s, it shows %s", at, now)
		}
		b.click("form button", "Go on")
		hosttest.Eventually(t, "it goes on", func() bool { return first() != at })
		b.click(".tuples tbody button", "")
		b.sees(".picked pre", `"task": 7`)
		b.click("form button", "Stop")
		b.sees(".tapped", "stopped")
		b.accessible()
	})

	t.Run("a mistake is told with its place", func(t *testing.T) {
		b.t = t
		b.write("input[name=where]", "verdict = 1")
		b.click("form button", "Start")
		b.sees("#tap-failed", "column 9: = is no comparison")
		if at := b.js("const e = document.activeElement; return [e.name, e.selectionStart, e.getAttribute('aria-invalid')].join()"); at != "where,8,true" {
			t.Errorf("the mistake is shown at %v", at)
		}
		b.accessible()
		b.write("input[name=where]", "number > 3")
		b.click("form button", "Start")
		b.sees("#tap-failed", `no field "number"`)
	})
	b.t = t
}

// The same on a phone, with the keyboard alone.
func TestTappingOnAPhone(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.deploy(t, "spouts.lines.config.every=0")
	b := d.signIn(t, api.Viewer, phone, true)
	b.goTo("/topologies/newsroom/tap")
	b.sees("main", "choose one")
	if wide := b.js("return document.documentElement.scrollWidth - innerWidth"); wide.(float64) > 0 {
		t.Errorf("on a phone the page is %v pixels too wide", wide)
	}
	b.accessible()
	b.js("document.querySelector('select[name=edge]').focus()")
	b.key("\ue015", "\ue007") // arrow down, Enter
	hosttest.Eventually(t, "an edge is chosen", func() bool { return b.js("return document.querySelector('select[name=edge]').value") == "lines->split" })
	b.sees(".tuples tbody", "it was the") // at once
	b.js("document.querySelector('input[name=where]').focus()")
	b.key("n", "u", "m", "b", "e", "r", ">", "0", "\ue007")
	b.sees(".tuples tbody", "it was the")
	b.sees(".counted", "dropped: no time to look at them, or no room")
	if wide := b.js("return document.documentElement.scrollWidth - innerWidth"); wide.(float64) > 0 {
		t.Errorf("on a phone the page is %v pixels too wide", wide)
	}
	b.accessible()
}

// shapes is a cluster with a topology whose names are long and wide, and of one family.
type shapes struct{ crowd }

func (s *shapes) Definition(ctx context.Context, name topology.Name) (*api.Definition, error) {
	d, err := s.crowd.Definition(ctx, name)
	longer := map[topology.ComponentID]topology.ComponentID{
		"lines": "customer-address-normalizer-europe-west", "split": "WWWWWWWWWWWWWWWW",
		"count": "a-component-whose-name-is-as-long-as-the-name-of-one-may-be-at-all",
		"store": "customer-address-normalizer-europe-east",
	}
	for i := range d.Components {
		c := &d.Components[i]
		c.ID = cmp.Or(longer[c.ID], c.ID)
	}
	for i := range d.Edges {
		e := &d.Edges[i]
		e.From, e.To = cmp.Or(longer[e.From], e.From), cmp.Or(longer[e.To], e.To)
	}
	return d, err
}

// A component's name stays within its frame and above its figures, over two
// lines if need be; of one that is longer still, the ends are to be seen. Edges
// meet frames at their sides, not at their corners.
func TestNamesFitTheirFrames(t *testing.T) {
	t.Parallel()
	s := &shapes{}
	b := serve(t, s)
	for _, z := range []size{desktop, phone} {
		b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{"width": z.width, "height": z.height, "deviceScaleFactor": 1, "mobile": false})
		b.goTo("/cluster")
		b.goTo("/topologies/crowd")
		b.sees(".diagram", "WWWWWWWWWW")
		if out := b.js(`return [...document.querySelectorAll('.node')].filter((n) => {
			const [name, frame, line] = ['.name', 'rect', '.line'].map((s) => n.querySelector(s).getBoundingClientRect())
			return name.right > frame.right - 4 || name.left < frame.left || name.top < frame.top || name.bottom > line.top + 2
		}).map((n) => n.querySelector('.name').textContent).join()`); out != "" {
			t.Errorf("%s: beyond their frames are: %s", z.name, out)
		}
		b.sees(".diagram", "a-component-w")
		b.sees(".diagram", "…")
		b.sees(".diagram", "at-all")
		b.sees(".diagram", "west")
		b.sees(".diagram", "east")
		if out := b.js(`const frames = [...document.querySelectorAll('.node > g > rect:first-of-type')].map((r) => r.getBoundingClientRect())
		return [...document.querySelectorAll('.edge')].filter((e) => {
			const bed = e.querySelector('.bed')
			return [0, bed.getTotalLength()].some((at) => {
				const p = bed.getPointAtLength(at).matrixTransform(bed.getScreenCTM())
				return frames.some((f) => [f.left, f.right].some((x) => Math.abs(x - p.x) < 6) && [f.top, f.bottom].some((y) => Math.abs(y - p.y) < 6))
			})
		}).length`); out != float64(0) {
			t.Errorf("%s: %v edges meet a frame at its corner", z.name, out)
		}
	}
}

// slow is a cluster whose rows take a little less than a millisecond.
type slow struct{ crowd }

func (s *slow) Figures(ctx context.Context, name topology.Name) (*api.Figures, error) {
	f, err := s.crowd.Figures(ctx, name)
	for _, w := range f.Workers {
		for i := range w.Tasks {
			w.Tasks[i].Row = 999_600 * time.Nanosecond
		}
	}
	return f, err
}

// What rounds up to a thousand of a unit is one of the next.
func TestDurationsAreRounded(t *testing.T) {
	t.Parallel()
	b := serve(t, &slow{})
	b.goTo("/topologies/crowd/components/split")
	b.sees(".tiles", "A row takes\n1 ms\n")
}
