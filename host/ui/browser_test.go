package ui

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/hosttest"
)

// driver is Debian's chromedriver, which speaks the WebDriver protocol: one
// process for all tests of the package.
type driver struct {
	url string
	cmd *exec.Cmd
	dir string // for temporary files: browsers that are ended leave some
}

// needed says how to get a browser: the tests of the page are for nothing without one.
const needed = "the tests of the web page need a browser: apt-get install chromium chromium-driver"

// startDriver starts the driver and waits until it answers.
func startDriver() (*driver, error) {
	program, err := exec.LookPath("chromedriver")
	if err != nil {
		return nil, errors.New(needed)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	dir, err := os.MkdirTemp("", "polybolt-browser-*")
	if err != nil {
		return nil, err
	}
	d := &driver{url: "http://127.0.0.1:" + port, cmd: exec.Command(program, "--port="+port), dir: dir}
	d.cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	if err := hosttest.StartCommand(d.cmd); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for end := time.Now().Add(30 * time.Second); ; {
		answer, err := http.Get(d.url + "/status")
		if err == nil {
			answer.Body.Close()
			return d, nil
		}
		if time.Now().After(end) {
			return nil, errors.Join(err, d.end())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// end ends the driver, and with it all browsers, and removes what they left.
func (d *driver) end() error {
	if answer, err := http.Get(d.url + "/shutdown"); err == nil { // it ends its browsers
		answer.Body.Close()
	}
	gone := make(chan struct{})
	go func() {
		_ = d.cmd.Wait() // nobody asks how it ended
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(hosttest.Patience):
		_ = d.cmd.Process.Kill()
		<-gone
	}
	http.DefaultClient.CloseIdleConnections()
	return os.RemoveAll(d.dir)
}

// size is that of a window.
type size struct {
	name          string
	width, height int
	phone         bool
}

var (
	desktop = size{"desktop", 1440, 960, false}
	tablet  = size{"tablet", 900, 1100, false}
	phone   = size{"phone", 390, 844, true}
)

// browser is a browser with one window.
type browser struct {
	t    testing.TB
	base string // of its session, at the driver
	home string // URL of the page
}

// open starts a browser, which ends with the test.
func open(t testing.TB, home string, s size, dark bool) *browser {
	t.Helper()
	flags := []string{"--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions", "--hide-scrollbars", fmt.Sprintf("--window-size=%d,%d", s.width, s.height)}
	if os.Geteuid() == 0 {
		flags = append(flags, "--no-sandbox", "--disable-dev-shm-usage")
	}
	if dark {
		flags = append(flags, "--force-dark-mode", "--blink-settings=preferredColorScheme=0")
	}
	options := map[string]any{"args": flags}
	if s.phone {
		options["mobileEmulation"] = map[string]any{"deviceMetrics": map[string]any{"width": s.width, "height": s.height, "pixelRatio": 2, "touch": true}}
	}
	var made struct {
		ID string `json:"sessionId"`
	}
	ask(t, "POST", theDriver.url+"/session", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": map[string]string{"browser": "ALL"},
	}}}, &made)
	b := &browser{t: t, base: theDriver.url + "/session/" + made.ID, home: home}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page says:\n%s", b.text("body"))
		}
		b.quiet()
		ask(t, "DELETE", b.base, nil, nil)
	})
	return b
}

// ask sends a command, and wants it to succeed.
func ask(t testing.TB, method, url string, body, into any) {
	t.Helper()
	if err := try(method, url, body, into); err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
}

func try(method, url string, body, into any) error {
	var in io.Reader
	if method == "POST" {
		if body == nil {
			body = struct{}{}
		}
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), hosttest.Patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, in)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var reply struct {
		Value json.RawMessage `json:"value"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&reply); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%.400s", reply.Value)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(reply.Value, into)
}

// goTo opens an address of the page, after #.
func (b *browser) goTo(route string) {
	b.t.Helper()
	ask(b.t, "POST", b.base+"/url", map[string]string{"url": b.home + "/#" + route}, nil)
}

// js runs a script's body in the page, and returns what it returns.
func (b *browser) js(script string, args ...any) any {
	b.t.Helper()
	var v any
	if args == nil {
		args = []any{}
	}
	ask(b.t, "POST", b.base+"/execute/sync", map[string]any{"script": script, "args": args}, &v)
	return v
}

// text returns the text of the first element that a selector finds, empty if there is none.
func (b *browser) text(selector string) string {
	b.t.Helper()
	s, _ := b.js("const e = document.querySelector(arguments[0]); return e?.innerText ?? e?.textContent ?? ''", selector).(string) // SVG has no innerText
	return s
}

// sees waits until a text is in the first element that a selector finds.
func (b *browser) sees(selector, text string) {
	b.t.Helper()
	hosttest.Eventually(b.t, fmt.Sprintf("%q is in %s", text, selector), func() bool { return strings.Contains(b.text(selector), text) })
}

// element returns the WebDriver's URL of the first element that a selector finds and
// that has the text, once there is one that can be used.
func (b *browser) element(selector, text string) string {
	b.t.Helper()
	var url string
	hosttest.Eventually(b.t, fmt.Sprintf("%s %q is there", selector, text), func() bool {
		found, _ := b.js(`return [...document.querySelectorAll(arguments[0])].find(
			(e) => !e.disabled && (e.textContent.includes(arguments[1]) || e.getAttribute('aria-label')?.includes(arguments[1]))) ?? null`, selector, text).(map[string]any)
		for _, id := range found {
			url = fmt.Sprint(b.base, "/element/", id)
		}
		return found != nil
	})
	return url
}

// click clicks as a person does: what covers the element would be hit instead. A
// page that changes meanwhile is tried again.
func (b *browser) click(selector, text string) {
	b.t.Helper()
	var err error
	hosttest.Eventually(b.t, fmt.Sprintf("%s %q is clicked", selector, text), func() bool {
		err = try("POST", b.element(selector, text)+"/click", nil, nil)
		return err == nil
	})
}

// write replaces what an input holds.
func (b *browser) write(selector, text string) {
	b.t.Helper()
	e := b.element(selector, "")
	ask(b.t, "POST", e+"/clear", nil, nil)
	ask(b.t, "POST", e+"/value", map[string]string{"text": text}, nil)
}

// key presses a key, such as "\ue004" for Tab.
func (b *browser) key(keys ...string) {
	b.t.Helper()
	var actions []any
	for _, k := range keys {
		actions = append(actions, map[string]string{"type": "keyDown", "value": k}, map[string]string{"type": "keyUp", "value": k})
	}
	ask(b.t, "POST", b.base+"/actions", map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}}, nil)
}

// point moves the pointer to a place in the window.
func (b *browser) point(x, y int) {
	b.t.Helper()
	ask(b.t, "POST", b.base+"/actions", map[string]any{"actions": []any{map[string]any{
		"type": "pointer", "id": "mouse", "actions": []any{map[string]any{"type": "pointerMove", "duration": 0, "x": x, "y": y}},
	}}}, nil)
}

// shoot writes a picture of the window.
func (b *browser) shoot(file string) {
	b.t.Helper()
	var picture string
	ask(b.t, "GET", b.base+"/screenshot", nil, &picture)
	raw, err := base64.StdEncoding.DecodeString(picture)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// quiet fails the test if the browser has complained: an exception, or something
// that the policy does not let the page do.
func (b *browser) quiet() {
	b.t.Helper()
	var list []struct{ Level, Message string }
	if err := try("POST", b.base+"/se/log", map[string]string{"type": "browser"}, &list); err != nil {
		b.t.Errorf("the browser's log: %v", err)
	}
	for _, l := range list {
		if l.Level == "SEVERE" && !strings.Contains(l.Message, "Failed to load resource") { // an answer with an error: the page shows it
			b.t.Errorf("the browser says: %s", l.Message)
		}
	}
}

// has tells whether a text is in the first element that a selector finds, in
// capitals or not.
func (b *browser) has(selector, text string) bool {
	b.t.Helper()
	return strings.Contains(strings.ToLower(b.text(selector)), strings.ToLower(text))
}
