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
	"time"

	"github.com/polybolt/polybolt/host/topology"
)

var _ Service = (*Client)(nil)

// Client is a Service that asks nimbus. Several URLs are tried in order until
// one answers.
type Client struct {
	urls  []string
	token string
	http  *http.Client
}

// connectTimeout is how long a client waits for a nimbus to take its connection;
// all of them together must be told of within five seconds.
const connectTimeout = 4 * time.Second

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
	return &Client{urls: urls, token: token, http: &http.Client{Transport: &http.Transport{
		DialContext:         (&net.Dialer{Timeout: wait}).DialContext,
		TLSHandshakeTimeout: wait, TLSClientConfig: trust,
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
	v := url.Values{"component": {string(q.Component)}, "tail": {strconv.Itoa(q.Tail)}, "follow": {strconv.FormatBool(q.Follow)}}
	return stream(ctx, c.get, topologyURL(q.Topology, "/logs"), v, f)
}

// Dead implements [Service].
func (c *Client) Dead(ctx context.Context, name topology.Name, tail int, f func(DeadTuple) error) error {
	return stream(ctx, c.get, topologyURL(name, "/dead"), url.Values{"tail": {strconv.Itoa(tail)}}, f)
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

// send sends a request to the first nimbus that takes it.
func (c *Client) send(ctx context.Context, method, path, contentType string, body []byte) (*http.Response, error) {
	var failed []string
	for _, base := range c.urls {
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
		answer, err := c.http.Do(r)
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, Errorf(CodeUnavailable, "nimbus at %s takes connections, and does not answer in time: look into its log", base)
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			var op *net.OpError
			if !errors.As(err, &op) || op.Op != "dial" { // it may have been carried out
				return nil, Errorf(CodeUnavailable, "nimbus at %s did not answer: %v", base, unwrapURL(err))
			}
			failed = append(failed, fmt.Sprintf("%s (%v)", base, unwrapURL(err)))
			continue
		}
		return answer, nil
	}
	return nil, Errorf(CodeNoLeader, "no nimbus can be reached at %s: is it running, and is --nimbus or POLYBOLT_NIMBUS right?", strings.Join(failed, ", "))
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
