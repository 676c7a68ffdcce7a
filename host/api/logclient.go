package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

// LogServer is a client of a machine's log server. Its methods may be called
// concurrently. Their errors are *[Error] when the server refuses.
//
//	GET /v1/logs?topology=&…                           LogLines, one of JSON a line; an empty line is a sign of life; the rest of a LogQuery as in the API
//	GET /v1/dead?topology=&tail=                       DeadTuples, likewise
//	GET /v1/figures?topology=                          a list of KeptFigures
//	GET /v1/history?topology=                          a list of KeptHistories
//	GET /v1/machine                                    MachineFigures
//	GET /metrics                                       the same for Prometheus
type LogServer struct {
	base, token string
	http        *http.Client
}

// Bounds of a conversation with a log server.
const (
	logDial    = 3 * time.Second
	logSilence = 30 * time.Second // it gives a sign of life three times as often
	maxLogLine = 4 << 20          // bytes
)

// NewLogServer returns a client for the log server at an address, which shows
// a certificate with the given pin (see [Pin]) and wants to see the token.
func NewLogServer(address, token, pin string) *LogServer {
	dialer := net.Dialer{Timeout: logDial}
	return &LogServer{base: "https://" + address, token: token, http: &http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: logDial, ResponseHeaderTimeout: logSilence, MaxIdleConns: 1,
		TLSClientConfig: Pinned(pin),
	}}}
}

// Close gives up idle connections.
func (s *LogServer) Close() { s.http.CloseIdleConnections() }

// Logs calls f with each line, in the order of time. With q.Follow it returns
// when ctx ends, or f or the server fails.
func (s *LogServer) Logs(ctx context.Context, q LogQuery, f func(LogLine) error) error {
	return s.LogsFrom(ctx, q, nil, f)
}

// LogsFrom is Logs, and calls begun, which may be nil, when the server has begun
// to answer: with FromNow f gets all that is written after that.
func (s *LogServer) LogsFrom(ctx context.Context, q LogQuery, begun func(), f func(LogLine) error) error {
	v := q.values()
	v.Set("topology", string(q.Topology))
	return stream(ctx, s.get, "/v1/logs", v, begun, f)
}

// Dead calls f with the last tuples that were given up, oldest first for each place.
func (s *LogServer) Dead(ctx context.Context, name topology.Name, tail int, f func(DeadTuple) error) error {
	return stream(ctx, s.get, "/v1/dead", query(name, tail), nil, f)
}

// Figures returns what is kept of the figures of a topology's workers.
func (s *LogServer) Figures(ctx context.Context, name topology.Name) (list []KeptFigures, err error) {
	ctx, cancel := context.WithTimeout(ctx, logSilence)
	defer cancel()
	answer, err := s.get(ctx, "/v1/figures", query(name, 0))
	if err != nil {
		return nil, err
	}
	return list, read(answer, &list)
}

// Histories returns what is kept of the histories of a topology's workers.
func (s *LogServer) Histories(ctx context.Context, name topology.Name) (list []KeptHistory, err error) {
	ctx, cancel := context.WithTimeout(ctx, logSilence)
	defer cancel()
	answer, err := s.get(ctx, "/v1/history", query(name, 0))
	if err != nil {
		return nil, err
	}
	return list, read(answer, &list)
}

// Machine returns the figures of the supervisor, and of the log server.
func (s *LogServer) Machine(ctx context.Context) (*MachineFigures, error) {
	answer, err := s.get(ctx, "/v1/machine", nil)
	if err != nil {
		return nil, err
	}
	var m MachineFigures
	return &m, read(answer, &m)
}

func query(name topology.Name, tail int) url.Values {
	v := url.Values{"topology": {string(name)}}
	if tail > 0 {
		v.Set("tail", strconv.Itoa(tail))
	}
	return v
}

func (s *LogServer) get(ctx context.Context, path string, v url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path+"?"+v.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set(Header, "1")
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := s.http.Do(r)
	if err != nil {
		return nil, unwrapURL(err)
	}
	return answer, nil
}

// stream calls f with one value for each line of an answer, and begun, if there
// is one, when it begins.
func stream[T any](ctx context.Context, get func(context.Context, string, url.Values) (*http.Response, error), path string, v url.Values, begun func(), f func(T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := get(ctx, path, v)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return read(answer, nil)
	}
	defer answer.Body.Close()
	if begun != nil {
		begun()
	}
	silence := time.AfterFunc(logSilence, func() { cancel(fmt.Errorf("nothing came for %v", logSilence)) })
	defer silence.Stop()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLogLine)
	for lines.Scan() {
		silence.Reset(logSilence)
		if len(lines.Bytes()) == 0 {
			continue
		}
		var value T
		if err := json.Unmarshal(lines.Bytes(), &value); err != nil {
			return fmt.Errorf("the log server sent a line that is none: %w", err)
		}
		if err := f(value); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	return nil
}
