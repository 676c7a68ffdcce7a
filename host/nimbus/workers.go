package nimbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
)

// Bounds of what is kept of workers that are asked.
const (
	workerIdle   = time.Minute // that one has not been asked, until nothing is kept of it
	workerSpare  = 2           // connections to one that wait for the next question
	workerDial   = 3 * time.Second
	maxUnread    = 64 << 10 // bytes of an answer's rest that are read for the sake of its connection
	workerSweeps = 10 * time.Second
)

// workerClients ask workers, over connections that stay: a look at 500 workers
// each second, from every page that is open, would else begin with as many
// handshakes. The zero value is ready. Its methods may be called concurrently.
type workerClients struct {
	mu    sync.Mutex
	open  map[cluster.Incarnation]*workerClient // guarded by mu
	swept time.Time                             // guarded by mu
}

// workerClient asks one worker process.
type workerClient struct {
	http.Client
	used time.Time // guarded by the mu of workerClients
}

// of returns the client of a worker process. Its record is a worker's own word:
// who is asked has to show the certificate announced there, and cannot send us elsewhere.
func (w *workerClients) of(a cluster.Alive) *workerClient {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.swept) > workerSweeps {
		w.swept = now
		for i, c := range w.open {
			if now.Sub(c.used) > workerIdle {
				c.CloseIdleConnections()
				delete(w.open, i)
			}
		}
	}
	c := w.open[a.Incarnation]
	if c == nil {
		c = &workerClient{Client: http.Client{
			Transport:     &http.Transport{TLSClientConfig: api.Pinned(a.Pin), TLSHandshakeTimeout: workerDial, MaxIdleConnsPerHost: workerSpare, IdleConnTimeout: workerIdle},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
		if w.open == nil {
			w.open = map[cluster.Incarnation]*workerClient{}
		}
		w.open[a.Incarnation] = c
	}
	c.used = now
	return c
}

// close gives up what waits. Who asks after that begins anew.
func (w *workerClients) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.open {
		c.CloseIdleConnections()
	}
	w.open = nil
}

// ask sends a request to a worker, and returns the answer if it is a good one.
func (w *workerClients) ask(ctx context.Context, a cluster.Alive, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+a.Figures+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+a.Token)
	answer, err := w.of(a).Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	var e api.Error
	if err := json.NewDecoder(http.MaxBytesReader(nil, answer.Body, maxUnread)).Decode(&e); err != nil || e.Code == "" {
		return nil, fmt.Errorf("it says %s", answer.Status)
	}
	return nil, &e
}
