package logview

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/slot"
	"github.com/polybolt/polybolt/host/topology"
)

const patience = 60 * time.Second

// fixture is a machine's folder, and a log server for it.
type fixture struct {
	t   *testing.T
	dir string
	*api.LogServer
	server *httptest.Server
}

func serve(t *testing.T) *fixture {
	t.Helper()
	return serveWith(t, func(*Server) {})
}

func serveWith(t *testing.T, change func(*Server)) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	s := New(nil, Options{Dir: f.dir, Host: "here", Address: "127.0.0.1", Log: slog.New(slog.DiscardHandler)})
	s.polls = time.Millisecond
	change(s)
	ctx, cancel := context.WithCancel(context.Background())
	f.server = httptest.NewTLSServer(s.handler(ctx, "secret"))
	f.LogServer = f.client("secret", api.Pin(f.server.Certificate().Raw))
	t.Cleanup(func() {
		cancel()
		f.LogServer.Close()
		f.server.Close()
	})
	return f
}

func (f *fixture) client(token, pin string) *api.LogServer {
	return api.NewLogServer(f.server.Listener.Addr().String(), token, pin)
}

// file returns the path of a file of a worker, whose folder it makes.
func (f *fixture) file(place, name string) string {
	f.t.Helper()
	dir := slot.Logs(f.dir, "words", place)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func (f *fixture) write(file, text string) {
	f.t.Helper()
	w, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = w.WriteString(text)
	}
	later := time.Date(2030, 1, 1, 0, 1, 0, 0, time.UTC) // as if it were written when its lines say
	if err := errors.Join(err, w.Close(), os.Chtimes(file, later, later)); err != nil {
		f.t.Fatal(err)
	}
}

// line is a line of a log at a second.
func line(second int, component, text string) string {
	return fmt.Sprintf(`{"time":"2030-01-01T00:00:%02dZ","level":"INFO","msg":%q,"run":1,"component":%q}`+"\n", second, text, component)
}

func (f *fixture) texts(q api.LogQuery) []string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	var list []string
	q.Topology = "words"
	if err := f.Logs(ctx, q, func(l api.LogLine) error {
		list = append(list, l.Place+" "+l.Text)
		return nil
	}); err != nil {
		f.t.Fatal(err)
	}
	return list
}

// The last lines of all workers come in the order of time, whatever file they are in.
func TestTail(t *testing.T) {
	t.Parallel()
	f := serve(t)
	a, b := f.file("0.0", slot.LogFile), f.file("1.0", slot.LogFile)
	f.write(slot.LogName(a, 2), line(1, "x", "one"))
	f.write(slot.LogName(a, 1), line(2, "y", "two")+"a panic\n")
	f.write(a, line(5, "x", "five"))
	f.write(b, line(3, "x", "three")+line(4, "y", "four")+`{"time":"2030-01-01T00:00:06Z","level":"WARN","msg":"six","component":"w","of":"key-9"}`+"\n"+line(7, "x", "half")[:20])
	at := func(second int) time.Time { return time.Date(2030, 1, 1, 0, 0, second, 0, time.UTC) }
	if err := os.MkdirAll(slot.Logs(f.dir, "words", "not-a-place"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    api.LogQuery
		want []string
	}{
		{api.LogQuery{}, []string{"0.0 one", "0.0 two", "0.0 a panic", "1.0 three", "1.0 four", "0.0 five", "1.0 six"}},
		{api.LogQuery{Tail: 2}, []string{"0.0 five", "1.0 six"}},
		{api.LogQuery{Tail: 4}, []string{"1.0 three", "1.0 four", "0.0 five", "1.0 six"}},
		{api.LogQuery{Component: "x"}, []string{"0.0 one", "1.0 three", "0.0 five"}},
		{api.LogQuery{Component: "x", Tail: 1}, []string{"0.0 five"}},
		{api.LogQuery{Component: "z"}, nil},
		{api.LogQuery{Level: "warn"}, []string{"1.0 six"}},
		{api.LogQuery{Level: "info", Component: "y"}, []string{"0.0 two", "1.0 four"}},
		{api.LogQuery{Level: "trace"}, []string{"0.0 one", "0.0 two", "1.0 three", "1.0 four", "0.0 five", "1.0 six"}},
		{api.LogQuery{Search: "IVE"}, []string{"0.0 five"}},
		{api.LogQuery{Search: "PANIC"}, []string{"0.0 a panic"}},
		{api.LogQuery{Search: "key-9"}, []string{"1.0 six"}},
		{api.LogQuery{Search: "nowhere"}, nil},
		{api.LogQuery{Since: at(4)}, []string{"1.0 four", "0.0 five", "1.0 six"}},
		{api.LogQuery{Since: at(2), Tail: 2}, []string{" (earlier lines are left out: there are too many)", "0.0 five", "1.0 six"}},
		{api.LogQuery{Since: at(4), Tail: 3}, []string{"1.0 four", "0.0 five", "1.0 six"}},
		{api.LogQuery{Since: at(9)}, nil},
	} {
		if diff := cmp.Diff(c.want, f.texts(c.q)); diff != "" {
			t.Errorf("%+v: %s", c.q, diff)
		}
	}
}

// Who reads again goes on where it was: over a rotation, and with lines that
// have the same time. Who asks for nothing that is there gets what comes.
func TestResume(t *testing.T) {
	t.Parallel()
	f := serve(t)
	a, b := f.file("0.0", slot.LogFile), f.file("1.0", slot.LogFile)
	f.write(a, line(20, "x", "one")+line(20, "x", "two"))
	f.write(b, line(21, "x", "three"))
	var r api.Resume
	read := func() (list []string) {
		t.Helper()
		err := f.Logs(t.Context(), r.Query(api.LogQuery{Topology: "words", Tail: 2}), func(l api.LogLine) error {
			if r.Fresh(&l) {
				list = append(list, l.Text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	same := func(got []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	same(read(), "two", "three")
	same(read())
	f.write(a, line(20, "x", "four"))
	f.write(b, line(22, "x", "five"))
	if err := slot.RotateLog(a); err != nil {
		t.Fatal(err)
	}
	f.write(a, line(23, "x", "six"))
	f.write(f.file("2.0", slot.LogFile), line(23, "x", "seven"))
	same(read(), "four", "five", "six", "seven")
	same(read())

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	enough := errors.New("enough")
	got := ""
	err := f.LogsFrom(ctx, api.LogQuery{Topology: "words", Follow: true, FromNow: true}, func() { f.write(a, line(24, "x", "eight")) }, func(l api.LogLine) error {
		got = l.Text
		return enough
	})
	if !errors.Is(err, enough) || got != "eight" {
		t.Errorf("%q, %v", got, err)
	}
}

// Who follows sees every line once and whole: written in pieces, over
// rotations, and of workers that come later.
func TestFollow(t *testing.T) {
	t.Parallel()
	f := serve(t)
	log := f.file("0.0", slot.LogFile)
	f.write(log, line(0, "x", "line 0"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan string, 1)
	ended := make(chan error, 1)
	done := errors.New("enough")
	go func() {
		ended <- f.Logs(ctx, api.LogQuery{Topology: "words", Follow: true}, func(l api.LogLine) error {
			got <- l.Text
			if l.Text == "end" {
				return done
			}
			return nil
		})
		close(got)
	}()
	next := func(want string) {
		t.Helper()
		text, more := <-got
		if !more {
			t.Fatalf("it ended before %q: %v", want, <-ended)
		}
		if text != want {
			t.Fatalf("%q, not %q", text, want)
		}
	}
	next("line 0")
	var unread []string
	for i := 1; i <= 300; i++ {
		if i%25 == 0 { // before the last lines of a file have been read, or after
			if err := slot.RotateLog(log); err != nil {
				t.Fatal(err)
			}
			late := fmt.Sprintf("late %d", i)
			f.write(slot.LogName(log, 1), line(2, "x", late))
			unread = append(unread, late)
		}
		text := line(2, "x", fmt.Sprintf("line %d", i))
		f.write(log, text[:i%len(text)])
		f.write(log, text[i%len(text):])
		unread = append(unread, fmt.Sprintf("line %d", i))
		if i%7 == 0 || i == 300 {
			for _, want := range unread {
				next(want)
			}
			unread = nil
		}
	}
	f.write(f.file("3.1", slot.LogFile), line(3, "x", "another"))
	next("another")
	f.write(log, line(4, "x", "end"))
	next("end")
	if err := <-ended; !errors.Is(err, done) {
		t.Errorf("it ended with %v", err)
	}
}

func TestDeadTuples(t *testing.T) {
	t.Parallel()
	f := serve(t)
	dead := f.file("0.0", slot.DeadFile)
	f.write(dead, `{"values":[1]}`+"\n"+"not JSON\n"+`{"values":[2]}`+"\n"+`{"values":["`+strings.Repeat("x", maxLine)+`"]}`+"\n"+`{"values":[4`)
	f.write(f.file("1.1", slot.DeadFile), `{"values":[5]}`+"\n")
	ask := func(tail int) (list []string) {
		t.Helper()
		err := f.Dead(t.Context(), "words", tail, func(d api.DeadTuple) error {
			text := string(d.Tuple)
			list = append(list, fmt.Sprintf("%s %s %.20s %d", d.Host, d.Place, text, len(text)))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	want := []string{`here 0.0 {"values":[1]} 14`, `here 0.0 {"values":[2]} 14`, `here 0.0 {"values":["xxxxxxxx 65551`, `here 1.1 {"values":[5]} 14`}
	if diff := cmp.Diff(want, ask(0)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[2:], ask(1)); diff != "" {
		t.Error(diff)
	}
}

func TestKeptFigures(t *testing.T) {
	t.Parallel()
	f := serve(t)
	f.write(f.file("0.0", slot.FiguresFile), `{"place":"x.0.0","started":"2030-01-01T00:00:10Z","acked":7,"run":2,"host":"here"}`)
	f.write(f.file("0.1", slot.FiguresFile), `{"place":"x.0.1","started":"2030-01-01T00:00:10Z","acked":8}`)
	f.write(f.file("1.0", slot.FiguresFile), `garbage`)
	for place, text := range map[string]string{
		"0.0": `{"pid":1,"code":-1,"signal":"SIGKILL","started":"2030-01-01T00:00:00Z","ended":"2030-01-01T00:01:00Z"}`,
		"0.1": `{"pid":2,"code":1,"started":"2030-01-01T00:00:20Z","ended":"2030-01-01T00:01:00Z"}`, // of a later one
	} {
		file := slot.ExitFile(f.dir, place)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		f.write(file, text)
	}
	list, err := f.Figures(t.Context(), "words")
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if list[0].Acked != 7 || list[0].Ended == nil || !strings.Contains(list[0].Why, "KILL") {
		t.Errorf("%+v", list[0])
	}
	if list[1].Acked != 8 || list[1].Ended != nil {
		t.Errorf("%+v", list[1])
	}
}

func TestKeptHistories(t *testing.T) {
	t.Parallel()
	f := serve(t)
	f.write(f.file("0.0", slot.HistoryFile), `{"place":"x.0.0","run":2,"worker":{"all":{"counts":{"acked":7}}},"tasks":[{"component":"split","task":3}]}`)
	f.write(f.file("1.0", slot.HistoryFile), `{"place":"x.1.0","run":`)
	list, err := f.Histories(t.Context(), "words")
	if err != nil || len(list) != 1 || list[0].Run != 2 || list[0].Worker.All.Counts["acked"] != 7 || list[0].Tasks[0].Task != 3 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := f.Histories(t.Context(), "others"); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// Who is not nimbus learns nothing.
func TestStranger(t *testing.T) {
	t.Parallel()
	f := serve(t)
	f.write(f.file("0.0", slot.LogFile), line(1, "x", "a secret"))
	none := func(l api.LogLine) error {
		t.Errorf("it was told %q", l.Text)
		return nil
	}
	code := func(err error) api.Code {
		var e *api.Error
		errors.As(err, &e)
		if e == nil {
			return ""
		}
		return e.Code
	}
	pin := api.Pin(f.server.Certificate().Raw)
	stranger := f.client("guess", pin)
	defer stranger.Close()
	if err := stranger.Logs(t.Context(), api.LogQuery{Topology: "words"}, none); code(err) != api.CodeUnauthorized {
		t.Errorf("a wrong token: %v", err)
	}
	fooled := f.client("secret", strings.Repeat("0", 64))
	defer fooled.Close()
	if err := fooled.Logs(t.Context(), api.LogQuery{Topology: "words"}, none); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server with another certificate: %v", err)
	}
	for _, name := range []string{"", "..", "../logs/words", "words/0.0", "words\x00"} {
		if err := f.Logs(t.Context(), api.LogQuery{Topology: topology.Name(name)}, none); code(err) != api.CodeInvalid {
			t.Errorf("the topology %q: %v", name, err)
		}
	}
	if err := f.Logs(t.Context(), api.LogQuery{Topology: "words", Tail: api.MaxTail + 1}, none); code(err) != api.CodeInvalid {
		t.Errorf("too many lines: %v", err)
	}
}

// A log server tells of its supervisor, also when that has not written anything down.
func TestMachine(t *testing.T) {
	t.Parallel()
	f := serve(t)
	m, err := f.Machine(t.Context())
	if err != nil || m.Host != "here" || !m.Started.IsZero() || m.LogBytes != 0 || m.LogServer.IsZero() {
		t.Errorf("%+v, %v", m, err)
	}
	if err := slot.SaveMachine(f.dir, &slot.Machine{Supervisor: "me", Started: time.Now(), Slots: 4, Starts: 3, Phases: map[string]int{"running": 2}}); err != nil {
		t.Fatal(err)
	}
	f.write(f.file("0.0", slot.LogFile), "12345")
	f.write(f.file("1.0", slot.DeadFile), "678")
	if m, err = f.Machine(t.Context()); err != nil || m.Supervisor != "me" || m.Starts != 3 || m.Phases["running"] != 2 || m.LogBytes != 8 {
		t.Errorf("%+v, %v", m, err)
	}
}
