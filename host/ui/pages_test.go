package ui

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/hosttest"
	"github.com/polybolt/polybolt/host/metrics/metricstest"
)

// Issue 6, Shows 1: each page and each change, in a browser, against a real
// cluster that runs Python and Node components. One cluster for all parts, which
// follow one another as a day of its users does.
func TestPages(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	b := open(t, d.url, desktop, false)

	t.Run("a wrong token is refused, and the right one asked for once", func(t *testing.T) {
		b.t = t
		b.goTo("/topologies")
		b.write("input[name=token]", "guessed")
		b.click("button[type=submit]", "Sign in")
		b.sees("main", "is not this cluster's")
		b.write("input[name=token]", d.token[api.Admin])
		b.click("button[type=submit]", "Sign in")
		b.sees("main", "Nothing is deployed yet")
		b.goTo("/cluster")
		b.sees("main", "0 of 4")
		b.sees("main", "leads")
		b.sees("main", "Log servers")
		b.sees("main", "has been connected to")
		b.sees(".tiles", "connected")
		b.js("location.reload()")
		b.sees("main", "0 of 4")
	})

	trigger := filepath.Join(d.dir, "broken")
	t.Run("a deploy appears by itself", func(t *testing.T) {
		b.t = t
		b.goTo("/topologies")
		d.deploy(t)
		b.sees("main table", "newsroom")
		d.deploy(t, "bolts.check.config.broken="+trigger, "bolts.check.config.poison=2000")
		b.sees("main table tbody tr td:nth-child(3)", "2")
		b.click("main table a", "newsroom")
		b.sees(".diagram", "archive")
		b.accessible()
	})

	t.Run("figures are live", func(t *testing.T) {
		b.t = t
		b.sees(".live", "live")
		var before string
		hosttest.Eventually(t, "tuples flow", func() bool {
			before = b.text(".tile:first-child .note")
			return before != "" && before != "0 in all"
		})
		hosttest.Eventually(t, "the figures move", func() bool { return b.text(".tile:first-child .note") != before })
		hosttest.Eventually(t, "edges flow", func() bool { return b.js("return document.querySelectorAll('.edge.flows').length") == float64(5) })
		hosttest.Eventually(t, "there is a rate in the chart", func() bool { return b.js("return document.querySelectorAll('.plot canvas').length >= 2") == true })
		// Fields of groupings, in what a pointer is told of an edge.
		if title, _ := b.js("return [...document.querySelectorAll('.edge title')].map((e) => e.textContent).join()").(string); !strings.Contains(title, "split → count") || !strings.Contains(title, "fields (word)") {
			t.Errorf("edges say: %s", title)
		}
	})

	t.Run("windows", func(t *testing.T) {
		b.t = t
		b.sees("#over-time tbody tr:first-child", "10 minutes")
		b.sees("#over-time tbody tr:nth-child(4)", "all time")
		b.click(".ranges button", "3 hours")
		hosttest.Eventually(t, "the charts tell of the time before", func() bool {
			said, _ := b.js("return [...document.querySelectorAll('.plot')].map((e) => e.getAttribute('aria-label')).join()").(string)
			return strings.Contains(said, "From emit until done: p50 ") && !strings.Contains(said, "p50 unknown")
		})
		b.accessible()
		b.goTo("/topologies/newsroom/components/split")
		b.sees("#over-time tbody tr:first-child td:nth-child(9)", "s") // p50 in user code: some µs or ms
		b.sees("#tasks", "MiB")
		b.accessible()
		b.click(".ranges button", "Live")
		b.sees(".charts", "A row's time")
		b.goTo("/topologies/newsroom")
	})

	t.Run("an error appears", func(t *testing.T) {
		b.t = t
		if err := os.WriteFile(trigger, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		b.sees(".diagram .node.bad", "check")
		b.click(".diagram a", "bolt check")
		b.sees(".failures", "the judge is out to lunch")
		b.sees(".failures", "in judge") // the traceback
		b.sees(".failures", "A tuple of")
		b.sees("main", "python3 check.py")
		b.accessible()
		if err := os.Remove(trigger); err != nil {
			t.Fatal(err)
		}
		b.goTo("/topologies/newsroom/errors")
		b.sees(".failures", "RuntimeError")
		b.accessible()
	})

	t.Run("dead tuples, workers, versions, YAML", func(t *testing.T) {
		b.t = t
		hosttest.Eventually(t, "a tuple is given up", func() bool {
			f, err := d.api.Figures(context.Background(), "newsroom")
			return err == nil && len(f.Workers) == 1 && f.Workers[0].Dead > 0
		})
		b.goTo("/topologies/newsroom/dead")
		b.sees(".failures", `"number":2000`)
		b.click(".failures summary", "2000")
		b.sees(".failures details[open] pre", "cannot be judged")
		b.accessible()
		b.goTo("/topologies/newsroom/workers")
		b.sees("main table", "active")
		b.goTo("/topologies/newsroom/versions")
		b.sees("main table", "serves")
		b.goTo("/topologies/newsroom/yaml")
		b.sees("pre.source", "poison: 2000")
		b.sees("pre.source", "command: [node, archive.mjs]")
		b.accessible()
	})

	t.Run("logs: live, search, level, component", func(t *testing.T) {
		b.t = t
		b.goTo("/topologies/newsroom/logs")
		b.sees(".loglines", "ahead:")
		b.sees(".loglines", "was judged")
		b.write("input[type=search]", "was judged GOOD")
		hosttest.Eventually(t, "only what was searched for is shown", func() bool {
			return b.has(".loglines", "was judged good") && !b.has(".loglines", "ahead:") && !b.has(".loglines", "judged bad")
		})
		// Clearing by the driver is no input, and what the page draws meanwhile undoes it.
		b.js("const i = document.querySelector('input[type=search]'); i.value = ''; i.dispatchEvent(new Event('input', { bubbles: true }))")
		b.js("const s = document.querySelectorAll('.filters select')[0]; s.value = 'error'; s.dispatchEvent(new Event('change', { bubbles: true }))")
		hosttest.Eventually(t, "only errors are shown", func() bool { return b.has(".loglines", "failed") && !b.has(".loglines", "was judged") })
		b.goTo("/topologies/newsroom/logs/top")
		b.js("const s = document.querySelectorAll('.filters select')[0]; s.value = ''; s.dispatchEvent(new Event('change', { bubbles: true }))")
		hosttest.Eventually(t, "only one component is shown", func() bool { return b.has(".loglines", "ahead:") && !b.has(".loglines", "was judged") })
		b.accessible()
	})

	t.Run("a level that was changed, and an address that nobody made", func(t *testing.T) {
		b.t = t
		if _, err := d.api.Change(t.Context(), "newsroom", api.ChangeRequest{Verb: api.SetLevel, Component: "check", Level: "debug"}); err != nil {
			t.Fatal(err)
		}
		b.goTo("/topologies/newsroom")
		b.sees("main", "check logs from debug on")
		if _, err := d.api.Change(t.Context(), "newsroom", api.ChangeRequest{Verb: api.SetLevel, Component: "check"}); err != nil {
			t.Fatal(err)
		}
		b.goTo("/topologies/%")
		b.sees("main", "%")
		b.goTo("/topologies/newsroom")
		b.sees(".diagram", "archive")
	})

	t.Run("metrics of user code", func(t *testing.T) {
		b.t = t
		b.goTo("/topologies/newsroom/components/top")
		b.sees("#its-own-metrics", "words")
	})

	t.Run("changes", func(t *testing.T) {
		b.t = t
		b.goTo("/topologies/newsroom")
		change := func(name string) {
			t.Helper()
			b.click(".actions button", name)
			b.sees("dialog h2", name)
			b.click("dialog button[type=submit]", name)
			hosttest.Eventually(t, "the dialog closes", func() bool { return b.text("dialog") == "" })
		}
		// A dialog can be left without a change, with the keyboard alone.
		b.click(".actions button", "Kill")
		b.sees("dialog h2", "Kill")
		b.accessible()
		b.key("\ue00c") // Escape
		hosttest.Eventually(t, "the dialog closes", func() bool { return b.text("dialog") == "" })
		if focus := b.js("return document.activeElement.textContent"); focus != "Kill" {
			t.Errorf("after the dialog the focus is on %v", focus)
		}

		change("Deactivate")
		b.sees("h1 .badge", "inactive")
		change("Activate")
		hosttest.Eventually(t, "it is active", func() bool { return b.text("h1 .badge") == "active" })

		b.click(".actions button", "Rebalance")
		b.write("input[name=c-split]", "3")
		b.write("input[name=workers]", "2")
		b.click("dialog button[type=submit]", "Rebalance")
		b.sees(".sub", "2 workers")
		b.sees(".diagram", "3/3 tasks")
		hosttest.Eventually(t, "the change is over", func() bool { return d.status(t).Change == nil })

		change("Roll back")
		hosttest.Eventually(t, "version 1 serves", func() bool { return strings.HasPrefix(b.text(".head .sub"), "version 1,") })
		hosttest.Eventually(t, "the change is over", func() bool { return d.status(t).Change == nil })

		b.click(".actions button", "Kill")
		b.write("input[name=wait]", "0")
		b.click("dialog button[type=submit]", "Kill")
		b.goTo("/topologies")
		b.sees("main", "Nothing is deployed yet")
	})

	t.Run("signing out forgets the token", func(t *testing.T) {
		b.t = t
		b.click(".top button", "Sign out")
		b.sees("main", "Token of this cluster")
		b.js("location.reload()")
		b.sees("main", "Token of this cluster")
	})
	b.t = t
}

// What a viewer may do, and an operator: the page says so, and the API insists.
func TestRoles(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	d.deploy(t)
	b := d.signIn(t, api.Viewer, phone, true)
	b.goTo("/topologies/newsroom")
	b.sees(".diagram", "archive")
	if n := b.js("return [...document.querySelectorAll('.actions button')].filter((e) => !e.disabled).length"); n != float64(0) {
		t.Errorf("a viewer can use %v buttons", n)
	}
	if wide := b.js("return document.documentElement.scrollWidth - innerWidth"); wide.(float64) > 0 {
		t.Errorf("on a phone the page is %v pixels too wide", wide)
	}
	b.accessible()
	for role, want := range map[api.Role]map[string]api.Code{
		api.Viewer:   {"change": api.CodeForbidden, "deploy": api.CodeForbidden},
		api.Operator: {"change": "", "deploy": api.CodeForbidden},
	} {
		c, err := api.NewClient([]string{d.url}, d.token[role])
		if err != nil {
			t.Fatal(err)
		}
		_, change := c.Change(t.Context(), "newsroom", api.ChangeRequest{Verb: api.Deactivate})
		_, deploy := c.Deploy(t.Context(), api.DeployRequest{Name: "newsroom", File: "topology.yaml"}, strings.NewReader("code"))
		for what, err := range map[string]error{"change": change, "deploy": deploy} {
			var code api.Code
			if e, ok := err.(*api.Error); ok {
				code = e.Code
			}
			if code != want[what] {
				t.Errorf("%s by %s: %v", what, role, err)
			}
		}
		c.Close()
	}
	b.sees("h1 .badge", "inactive") // by the operator: the viewer sees it at once

	// What Prometheus scrapes from a running cluster, with the viewer's token.
	page := d.scrape(t, d.token[api.Viewer])
	problems, values := metricstest.Lint(page)
	for _, p := range problems {
		t.Error(p)
	}
	if values[`polybolt_topology_state{topology="newsroom",state="inactive"}`] != 1 || values["polybolt_nimbus_leader"] != 1 || strings.Count(page, "\npolybolt_task_received_total{") != 8 {
		t.Errorf("the page is\n%s", page)
	}

	// The keyboard alone: from the top of the page to a component.
	b.js("document.activeElement.blur()")
	hosttest.Eventually(t, "Tab reaches a component", func() bool {
		b.key("\ue004")
		s, _ := b.js("return document.activeElement.getAttribute('aria-label') ?? ''").(string)
		return strings.HasPrefix(s, "bolt check")
	})
	b.key("\ue007") // Enter
	b.sees("h1", "check")
}

// A crash loop says why, on the page of all topologies too.
func TestCrashLoopIsExplained(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	b := d.signIn(t, api.Admin, tablet, false)
	d.deploy(t)
	began := time.Now()
	// A second version that cannot start: it is brought up beside the first.
	out := d.tryDeploy("bolts.check.command=[python3, -c, 'import nothing_like_it']")
	if !strings.Contains(out, "nothing_like_it") {
		t.Errorf("deploy says:\n%s", out)
	}
	b.goTo("/topologies/newsroom")
	b.sees("main .notice", "did not succeed")
	b.sees("main", "nothing_like_it")
	t.Logf("after %v", time.Since(began))
	b.sees("h1 .badge", "active")
}
