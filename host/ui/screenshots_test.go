package ui

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/hosttest"
)

// tidy writes the folder of the test as what it stands for: where the state of
// whoever follows the documents is. The machine is called as one is there.
const tidy = `
const [home, host] = arguments
const named = new RegExp('(?<![\\w.-])' + host.replaceAll('.', '\\.') + '(?![\\w.-])', 'g')
const all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
while (all.nextNode()) {
	const text = all.currentNode.data.replaceAll(home, '~/.local/state/polybolt').replace(named, 'alpha')
	if (text !== all.currentNode.data) all.currentNode.data = text
}`

// TestScreenshots remakes the pictures of the documents: `make screenshots`
// names the folder. It is no test of anything otherwise, so it is not run then.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("POLYBOLT_SCREENSHOTS")
	if dir == "" {
		t.Skip("make screenshots runs it")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	d := startDev(t)
	d.deploy(t)
	d.deploy(t, "bolts.check.config.poison=2500") // a second version, some tuples of which die
	hosttest.Eventually(t, "tuples have died", func() bool {
		f, err := d.api.Figures(context.Background(), "newsroom")
		return err == nil && len(f.Workers) == 1 && f.Workers[0].Dead >= 2
	})
	pages := []struct{ name, route, ready string }{
		{"topology", "/topologies/newsroom", "a row takes"},
		{"component", "/topologies/newsroom/components/check", "ValueError"},
		{"errors", "/topologies/newsroom/errors", "ValueError"},
		{"dead", "/topologies/newsroom/dead", "attempts"},
		{"logs", "/topologies/newsroom/logs", "ahead"},
		{"workers", "/topologies/newsroom/workers", "active"},
		{"versions", "/topologies/newsroom/versions", "serves"},
		{"yaml", "/topologies/newsroom/yaml", "archive.mjs"},
		{"topologies", "/topologies", "newsroom"},
		{"cluster", "/cluster", "leads"},
	}
	for _, s := range []size{desktop, tablet, phone} {
		for _, dark := range []bool{false, true} {
			if dark && s.name == "tablet" {
				continue // the other two show the colours
			}
			b := open(t, d.url, s, dark)
			b.goTo("/topologies")
			b.sees("body", "Sign in")
			shade := map[bool]string{false: "light", true: "dark"}[dark]
			shoot := func(name string) {
				b.js(tidy, filepath.Join(d.dir, "home"), host)
				b.shoot(filepath.Join(dir, name+"-"+s.name+"-"+shade+".png"))
			}
			shoot("login")
			b.write("input[name=token]", d.token[api.Admin])
			b.click("button[type=submit]", "Sign in")
			b.sees("header.top", "Topologies")
			b.point(1, 1)                  // at nothing
			b.goTo("/topologies/newsroom") // so that its charts have a past
			began := time.Now()
			hosttest.Eventually(t, "the charts have a past", func() bool { return time.Since(began) > 15*time.Second })
			for _, p := range pages {
				if (dark || s.name == "tablet") && p.name != "topology" && p.name != "component" && p.name != "logs" {
					continue
				}
				b.goTo(p.route)
				hosttest.Eventually(t, p.name+" is there", func() bool { return b.has("main", p.ready) })
				shoot(p.name)
			}
			b.goTo("/topologies/newsroom/tap/check-%3Earchive")
			b.sees(".tuples", "verdict")
			b.write("input[name=where]", `verdict == "good" or line contains "Light"`)
			b.click(".tapform button", "Start")
			hosttest.Eventually(t, "tuples have passed", func() bool {
				return b.js("return document.querySelectorAll('.tuples tbody tr').length") == float64(100)
			})
			b.sees(".counted", "passed")
			shoot("tap")
			b.goTo("/topologies/newsroom/components/check")
			b.click(".ranges button", "10 min")
			hosttest.Eventually(t, "the charts tell of ten minutes", func() bool { return b.js("return document.querySelectorAll('.plot').length") == float64(4) })
			b.js("document.querySelector('.charts').scrollIntoView()")
			shoot("charts")
			b.js("document.querySelector('#over-time').scrollIntoView()")
			shoot("windows")
			b.goTo("/topologies/newsroom")
			b.click(".actions button", "Rebalance")
			b.sees("dialog", "Tasks of split")
			shoot("rebalance")
		}
	}
}
