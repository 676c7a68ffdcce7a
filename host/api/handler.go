package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/plainjson"
	"github.com/polybolt/polybolt/host/topology"
)

// Names that both halves use.
const (
	// Header must be in every request. No form of a browser's page can send
	// it, and a script of another site may not without asking first.
	Header = "X-Polybolt"

	// forwarded marks a request that another nimbus passed on: it goes no further.
	forwarded = "X-Polybolt-Forwarded"

	bundleType = "application/vnd.polybolt.bundle"
	maxRequest = 1 << 20 // bytes of any other body
)

// HandlerOptions say what a handler serves, and to whom.
type HandlerOptions struct {
	Service    Service
	Guard      *Guard
	Authorizer Authorizer    // nil: ByRole
	Audit      func(Audited) // told of each change that is asked for, refused ones too; must not wait; may be nil

	// Leader returns the URL of the nimbus that leads, empty if this one does.
	// An error says that none does.
	Leader func() (string, error)

	// Patience bounds the time that a request waits while no nimbus leads.
	Patience time.Duration

	// Transport reaches other nimbuses.
	Transport http.RoundTripper

	MaxBundle int64 // bytes, packed
	Version   string
	Local     bool // the service is one run of one topology: [Me] says so
	Log       *slog.Logger
	Ending    <-chan struct{} // closed when event streams are to end; may be nil

	bodyTimeout time.Duration // 0: that of the package; another one in tests
}

// Handler serves a Service over HTTP.
func Handler(o HandlerOptions) http.Handler {
	h := &handler{o}
	if h.Authorizer == nil {
		h.Authorizer = ByRole{}
	}
	all, mux := http.NewServeMux(), http.NewServeMux()
	for _, r := range h.routes() {
		into := mux
		if r.here {
			into = all
		}
		into.HandleFunc(r.method+" "+r.path, h.needs(&r))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, Errorf(CodeNotFound, "there is no %s %s in this API", r.Method, r.URL.Path))
	})
	all.Handle("/", h.toLeader(mux))
	outer := http.NewServeMux()
	outer.Handle("GET /metrics", o.Guard.admit(h.needs(&route{id: "metrics", role: Viewer, serve: h.scrape}), false)) // which scrapers ask for without our header
	outer.Handle("/", o.Guard.protect(all))
	return outer
}

type handler struct{ HandlerOptions }

// toLeader passes a request on to the nimbus that leads.
func (h *handler) toLeader(here http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leader, err := h.awaitLeader(r.Context())
		switch {
		case err != nil:
			h.fail(w, r, err)
		case leader == "":
			here.ServeHTTP(w, r)
		case r.Header.Get(forwarded) != "":
			h.fail(w, r, Errorf(CodeNoLeader, "another nimbus took this one for the leader: try again"))
		default:
			h.forward(w, r, leader)
		}
	})
}

// leaderPoll is how often awaitLeader looks.
const leaderPoll = 50 * time.Millisecond

// awaitLeader returns the URL of the nimbus that leads, empty if this one does.
// While none does it waits for one, for h.Patience at most: an election is a
// moment's matter, and no client should have to know of it.
func (h *handler) awaitLeader(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, h.Patience)
	defer cancel()
	for {
		leader, err := h.Leader()
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != CodeNoLeader {
			return leader, err
		}
		select {
		case <-time.After(leaderPoll):
		case <-ctx.Done():
			return "", err
		}
	}
}

func (h *handler) forward(w http.ResponseWriter, r *http.Request, leader string) {
	target, err := url.Parse(leader)
	if err != nil {
		h.fail(w, r, Errorf(CodeInternal, "the leader's address %q is none: %v", leader, err))
		return
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = target.Host
			p.SetXForwarded()
			p.Out.Header.Set(forwarded, "1")
			h.Guard.vouch(p.Out.Header, askerOf(p.In))
		},
		Transport:     h.Transport,
		FlushInterval: -1, // logs that are followed
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			h.fail(w, r, Errorf(CodeUnavailable, "the leading nimbus at %s does not answer: %v", leader, err))
		},
	}
	proxy.ServeHTTP(w, r)
}

func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	list, err := h.Service.List(r.Context())
	h.reply(w, r, list, err)
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	s, err := h.Service.Status(r.Context(), name(r))
	h.reply(w, r, s, err)
}

func (h *handler) figures(w http.ResponseWriter, r *http.Request) {
	f, err := h.Service.Figures(r.Context(), name(r))
	h.reply(w, r, f, err)
}

func (h *handler) errors(w http.ResponseWriter, r *http.Request) {
	list, err := h.Service.Errors(r.Context(), name(r))
	h.reply(w, r, list, err)
}

func (h *handler) cluster(w http.ResponseWriter, r *http.Request) {
	c, err := h.Service.Cluster(r.Context())
	h.reply(w, r, c, err)
}

func (h *handler) deploy(w http.ResponseWriter, r *http.Request) {
	request, err := parseDeploy(name(r), r.URL.Query())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if r.Header.Get("Content-Type") != bundleType {
		h.fail(w, r, Errorf(CodeInvalid, "the body of a deploy is a bundle, of type %s", bundleType))
		return
	}
	if r.ContentLength > h.MaxBundle {
		h.fail(w, r, Errorf(CodeTooLarge, "the bundle has %d bytes, and the limit of this cluster is %d", r.ContentLength, h.MaxBundle))
		return
	}
	a, err := h.Service.Deploy(r.Context(), request, http.MaxBytesReader(w, r.Body, h.MaxBundle))
	what := deployDetails(r.URL.Query())
	what.addNumber("bytes", r.ContentLength)
	h.audit(r, "deploy", what, a, err)
	h.reply(w, r, a, err)
}

// parseDeploy reads what a Client writes with deployQuery.
func parseDeploy(name topology.Name, q url.Values) (d DeployRequest, err error) {
	d = DeployRequest{Name: name, File: q.Get("file"), Set: q["set"], Wait: q.Get("wait") == "true"}
	for key, at := range map[string]*time.Duration{"timeout": &d.Timeout, "drain": &d.Drain} {
		if *at, err = time.ParseDuration(q.Get(key)); err != nil {
			return d, Errorf(CodeInvalid, "%s: %v", key, err)
		}
	}
	return d, nil
}

func deployQuery(d DeployRequest) url.Values {
	return url.Values{
		"file": {d.File}, "set": d.Set, "wait": {strconv.FormatBool(d.Wait)},
		"timeout": {d.Timeout.String()}, "drain": {d.Drain.String()},
	}
}

func (h *handler) change(w http.ResponseWriter, r *http.Request) {
	var request ChangeRequest
	if err := decode(w, r, &request); err != nil {
		h.fail(w, r, err)
		return
	}
	if !slices.Contains(Verbs, request.Verb) {
		h.fail(w, r, Errorf(CodeInvalid, "there is no change %.40q", request.Verb))
		return
	}
	if err := h.allow(r, string(request.Verb), Operator, request.details()); err != nil {
		h.fail(w, r, err)
		return
	}
	a, err := h.Service.Change(r.Context(), name(r), request)
	h.audit(r, string(request.Verb), request.details(), a, err)
	h.reply(w, r, a, err)
}

// decode reads a body: one value of JSON, with fields that this version knows.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows it")
		}
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return Errorf(CodeTooLarge, "the request has more than %d bytes", maxRequest)
	case err != nil:
		return Errorf(CodeInvalid, "the request is not what this version understands: %v", err)
	}
	return nil
}

func name(r *http.Request) topology.Name { return topology.Name(r.PathValue("name")) }

func (h *handler) reply(w http.ResponseWriter, r *http.Request, body any, err error) {
	if err != nil {
		h.fail(w, r, err)
		return
	}
	b, err := plainjson.Marshal(body)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(append(b, '\n')); err != nil {
		h.Log.Debug("answer not sent", "err", err)
	}
}

// fail answers with an error. One that is no Error is a defect, and is logged.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *Error
	if !errors.As(err, &e) {
		h.Log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
		e = Errorf(CodeInternal, "%v", err)
	}
	writeError(w, e)
}

func writeError(w http.ResponseWriter, e *Error) {
	status := statuses[e.Code]
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{http.StatusText(status), status, e}) // who does not listen misses it
}

// Guarded ends the process when a request makes the handler panic, as a panic
// anywhere else does; net/http would go on, with whatever was locked.
func Guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer crash.Guard(http.ErrAbortHandler)
		h.ServeHTTP(w, r)
	})
}

// NewServer returns a server within limits that a slow or silent client cannot
// stretch. The caller serves, and ends it with Shutdown or Close.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           Guarded(h),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Minute, // of a bundle over a slow line
		WriteTimeout:      6 * time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
