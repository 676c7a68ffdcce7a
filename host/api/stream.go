package api

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/plainjson"
)

// Limits of an answer that is a stream of lines.
const (
	lineTimeout = 30 * time.Second // for a client to take one
	signOfLife  = 10 * time.Second // between two lines, an empty one
)

// logs answers with LogLines, one of JSON a line.
func (h *handler) logs(w http.ResponseWriter, r *http.Request) {
	q, err := ParseLogQuery(name(r), r.URL.Query(), time.Now())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.stream(w, r, func(ctx context.Context, line func(any) error) error {
		return h.Service.Logs(ctx, q, func(l LogLine) error { return line(l) })
	})
}

// dead answers with DeadTuples, likewise.
func (h *handler) dead(w http.ResponseWriter, r *http.Request) {
	tail, err := parseTail(r.URL.Query().Get("tail"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.stream(w, r, func(ctx context.Context, line func(any) error) error {
		return h.Service.Dead(ctx, name(r), tail, func(d DeadTuple) error { return line(d) })
	})
}

func parseTail(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if text == "" {
		n, err = 0, nil
	}
	if err != nil || n < 0 || n > MaxTail {
		return 0, Errorf(CodeInvalid, "tail: write a number from 0 to %d", MaxTail)
	}
	if n == 0 {
		n = DefaultTail
	}
	return n, nil
}

// stream is [StreamLines] of a handler.
func (h *handler) stream(w http.ResponseWriter, r *http.Request, do func(context.Context, func(any) error) error) {
	StreamLines(w, r, h.Log, func(err error) { h.fail(w, r, err) }, do)
}

// StreamLines answers with one line of JSON for each value that do passes on,
// which one goroutine at a time may. An error before the first is answered by
// fail; after that the answer breaks off. The context of do ends when the
// client is gone.
func StreamLines(w http.ResponseWriter, r *http.Request, log *slog.Logger, fail func(error), do func(context.Context, func(any) error) error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	out := &lineWriter{w: w, control: http.NewResponseController(w)}
	ticker := time.NewTicker(signOfLife)
	defer ticker.Stop()
	var wg crash.Group
	defer wg.Wait()
	defer cancel(nil)
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if err := out.write(nil); err != nil {
					cancel(err)
					return
				}
			}
		}
	})
	err := do(ctx, func(value any) error {
		b, err := plainjson.Marshal(value)
		if err != nil {
			return err
		}
		return out.write(b)
	})
	cancel(nil)
	wg.Wait()
	switch {
	case err == nil && !out.begun:
		err = out.write(nil)
	case err != nil && !out.begun && r.Context().Err() == nil:
		fail(err)
		return
	}
	if err != nil && r.Context().Err() == nil {
		log.Debug("answer broken off", "path", r.URL.Path, "err", err)
		panic(http.ErrAbortHandler) // so that the client does not take it for whole
	}
}

// lineWriter writes lines that are sent at once.
type lineWriter struct {
	control *http.ResponseController

	mu    sync.Mutex
	w     http.ResponseWriter
	begun bool // guarded by mu while others write
}

func (l *lineWriter) write(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.begun {
		l.begun = true
		// The server's limit is that of a request: when it passed, the stream would end.
		if err := l.control.SetReadDeadline(time.Time{}); err != nil {
			return err
		}
		l.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	if err := l.control.SetWriteDeadline(time.Now().Add(lineTimeout)); err != nil {
		return err
	}
	if _, err := l.w.Write(append(line, '\n')); err != nil {
		return err
	}
	return l.control.Flush()
}
