package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

var _ Service = (*Client)(nil)

// Client is a Service that asks nimbus. Several URLs are tried in order until
// one answers, and that one is asked from then on, until it fails.
type Client struct {
	urls  []string
	token string
	http  *http.Client
	wait  time.Duration // for a sign of life of each

	mu     sync.Mutex
	chosen string // guarded by mu: the one that answered; empty if none has
}

const (
	// connectTimeout is how long a client waits for a sign of life of a nimbus; all of
	// them together must be told of within five seconds.
	connectTimeout = 4 * time.Second

	// answerTimeout is how long a nimbus that has shown one may take to begin an answer:
	// it checks a bundle, and writes it into ZooKeeper.
	answerTimeout = 2 * time.Minute
)

// NewClient returns a client for the nimbuses at some URLs, at least one, which
// trusts those whom the system trusts.
func NewClient(urls []string, token string) (*Client, error) {
	return NewClientTrusting(urls, token, &tls.Config{MinVersion: tls.VersionTLS13})
}

// NewClientTrusting is [NewClient] with another idea of whom to trust. A token
// is not sent as plain text beyond this machine.
func NewClientTrusting(urls []string, token string, trust *tls.Config) (*Client, error) {
	if len(urls) == 0 {
		return nil, errors.New("no nimbus is named: give --nimbus URL, or set POLYBOLT_NIMBUS")
	}
	for _, u := range urls {
		parsed, err := url.Parse(u)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return nil, fmt.Errorf("%q is not the URL of a nimbus: write http://HOST:PORT or https://HOST:PORT", u)
		}
		if ip := net.ParseIP(parsed.Hostname()); parsed.Scheme == "http" && token != "" && parsed.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return nil, fmt.Errorf("the token would travel to %s as plain text: use https, or a tunnel to this machine", u)
		}
	}
	wait := connectTimeout / time.Duration(len(urls))
	return &Client{urls: urls, token: token, wait: wait, http: &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: wait}).DialContext,
		TLSHandshakeTimeout: wait, TLSClientConfig: trust, ResponseHeaderTimeout: answerTimeout,
		MaxIdleConnsPerHost: 2,
	}}}, nil
}

// Close lets go of connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// List implements [Service].
func (c *Client) List(ctx context.Context) (list []Topology, err error) {
	return list, c.ask(ctx, "GET", "/v1/topologies", "", nil, &list)
}

// Status implements [Service].
func (c *Client) Status(ctx context.Context, name topology.Name) (*Status, error) {
	var s Status
	return &s, c.ask(ctx, "GET", topologyURL(name, ""), "", nil, &s)
}

// Deploy implements [Service]. The bundle is read into memory, so that it can be sent again.
func (c *Client) Deploy(ctx context.Context, r DeployRequest, bundle io.Reader) (*Accepted, error) {
	body, err := io.ReadAll(bundle)
	if err != nil {
		return nil, err
	}
	var a Accepted
	return &a, c.ask(ctx, "POST", topologyURL(r.Name, "/deploy")+"?"+deployQuery(r).Encode(), bundleType, body, &a)
}

// Change implements [Service].
func (c *Client) Change(ctx context.Context, name topology.Name, r ChangeRequest) (*Accepted, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var a Accepted
	return &a, c.ask(ctx, "POST", topologyURL(name, "/change"), "application/json", body, &a)
}

// Cluster implements [Service].
func (c *Client) Cluster(ctx context.Context) (*Cluster, error) {
	var v Cluster
	return &v, c.ask(ctx, "GET", "/v1/cluster", "", nil, &v)
}

// Figures implements [Service].
func (c *Client) Figures(ctx context.Context, name topology.Name) (*Figures, error) {
	var f Figures
	return &f, c.ask(ctx, "GET", topologyURL(name, "/figures"), "", nil, &f)
}

// History returns what happened over time: of a topology, or of one of its
// components. The points are those of a window, empty for none.
func (c *Client) History(ctx context.Context, name topology.Name, component topology.ComponentID, window string) (*History, error) {
	v := url.Values{}
	if component != "" {
		v.Set("component", string(component))
	}
	if window != "" {
		v.Set("window", window)
	}
	var h History
	return &h, c.ask(ctx, "GET", topologyURL(name, "/history")+"?"+v.Encode(), "", nil, &h)
}

// Errors implements [Service].
func (c *Client) Errors(ctx context.Context, name topology.Name) (list []ComponentErrors, err error) {
	return list, c.ask(ctx, "GET", topologyURL(name, "/errors"), "", nil, &list)
}

// Logs implements [Service].
func (c *Client) Logs(ctx context.Context, q LogQuery, f func(LogLine) error) error {
	return stream(ctx, c.get, topologyURL(q.Topology, "/logs"), q.values(), nil, f)
}

// Dead implements [Service].
func (c *Client) Dead(ctx context.Context, name topology.Name, tail int, f func(DeadTuple) error) error {
	return stream(ctx, c.get, topologyURL(name, "/dead"), url.Values{"tail": {strconv.Itoa(tail)}}, nil, f)
}

// get sends a request whose answer is a stream.
func (c *Client) get(ctx context.Context, path string, v url.Values) (*http.Response, error) {
	return c.send(ctx, "GET", path+"?"+v.Encode(), "", nil)
}

func topologyURL(name topology.Name, rest string) string {
	return "/v1/topologies/" + url.PathEscape(string(name)) + rest
}

// ask sends a request, and reads the answer.
func (c *Client) ask(ctx context.Context, method, path, contentType string, body []byte, into any) error {
	answer, err := c.send(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	return read(answer, into)
}

// send sends a request to a nimbus that lives.
func (c *Client) send(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	base, err := c.choose(ctx, method)
	if err != nil {
		return nil, err
	}
	answer, err := c.request(ctx, base, method, path, contentType, body)
	if err == nil {
		return answer, nil
	}
	c.mu.Lock()
	c.chosen = ""
	c.mu.Unlock()
	var op *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, Errorf(CodeUnavailable, "nimbus at %s takes connections, and does not answer in time: look into its log", base)
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &op) && op.Op == "dial":
		return nil, unreachable(fmt.Sprintf("%s (%v)", base, unwrapURL(err)))
	case method != http.MethodGet:
		return nil, Errorf(CodeUnavailable, "nimbus at %s did not answer, and may have taken it: look with `polybolt status` (%v)", base, unwrapURL(err))
	}
	return nil, Errorf(CodeUnavailable, "nimbus at %s did not answer: %v", base, unwrapURL(err))
}

// choose finds a nimbus that answers. A single one is asked at once, unless
// something is to be changed: one that is frozen takes requests, too, and carries them
// out when its user has long gone elsewhere.
func (c *Client) choose(ctx context.Context, method string) (string, error) {
	if len(c.urls) == 1 && method == http.MethodGet {
		return c.urls[0], nil
	}
	c.mu.Lock()
	chosen := c.chosen
	c.mu.Unlock()
	if chosen != "" && method == http.MethodGet {
		return chosen, nil
	}
	var failed []string
	for _, base := range c.urls {
		err := c.ping(ctx, base)
		if err == nil {
			c.mu.Lock()
			c.chosen = base
			c.mu.Unlock()
			return base, nil
		}
		if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", context.Cause(ctx)
		}
		failed = append(failed, fmt.Sprintf("%s (%v)", base, err))
	}
	return "", unreachable(failed...)
}

// ping asks a nimbus who asks, which it knows by itself. Any answer will do.
func (c *Client) ping(ctx context.Context, base string) error {
	ctx, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	answer, err := c.request(ctx, base, http.MethodGet, "/v1/me", "", nil)
	if err == nil {
		return answer.Body.Close()
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("it takes connections, and does not answer in time: look into its log")
	}
	return unwrapURL(err)
}

// unreachable is the error of a client that found nobody.
func unreachable(failed ...string) error {
	return Errorf(CodeUnreachable, "no nimbus can be reached at %s: is it running, and is --nimbus or POLYBOLT_NIMBUS right?", strings.Join(failed, ", "))
}

// request sends a request to one nimbus.
func (c *Client) request(ctx context.Context, base, method, path, contentType string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set(Header, "1")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return c.http.Do(r)
}

// unwrapURL takes away what net/http wraps around: method and URL.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// maxAnswer bounds what is believed of a nimbus, in bytes.
const maxAnswer = 64 << 20

func read(answer *http.Response, into any) error {
	defer answer.Body.Close()
	body := io.LimitReader(answer.Body, maxAnswer)
	if answer.StatusCode != http.StatusOK {
		var e Error
		if err := json.NewDecoder(body).Decode(&e); err != nil || e.Code == "" {
			return Errorf(CodeInternal, "what answers at %s is no nimbus: it says %s", answer.Request.URL.Host, answer.Status)
		}
		return &e
	}
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return Errorf(CodeInternal, "the answer of nimbus at %s cannot be read: %v", answer.Request.URL.Host, err)
	}
	return nil
}
