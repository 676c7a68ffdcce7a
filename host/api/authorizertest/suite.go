// Package authorizertest holds any [api.Authorizer] to what the API counts on.
package authorizertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/crash"
	"github.com/polybolt/polybolt/host/topology"
)

// Run asks an authorizer that decides as the built-in does, whatever else it
// could do with other settings, and checks how it answers.
func Run(t *testing.T, a api.Authorizer) {
	t.Run("roles", func(t *testing.T) { roles(t, a) })
	t.Run("strange questions", func(t *testing.T) { strange(t, a) })
	t.Run("many at once", func(t *testing.T) { together(t, a) })
	t.Run("nobody waits for the answer", func(t *testing.T) { cancelled(t, a) })
}

// check asks, and looks at the form of the answer, too.
func check(t *testing.T, a api.Authorizer, q api.Question, may bool) {
	t.Helper()
	err := a.Authorize(t.Context(), q)
	var e *api.Error
	switch {
	case may && err != nil:
		t.Errorf("%+v: %v", q, err)
	case !may && err == nil:
		t.Errorf("%+v is allowed", q)
	case !may && (!errors.As(err, &e) || e.Code != api.CodeForbidden || e.Text == ""):
		t.Errorf("%+v: a refusal is an Error with CodeForbidden and a text, and this is %#v", q, err)
	}
}

// roles asks what every route and change needs, of everyone.
func roles(t *testing.T, a api.Authorizer) {
	for _, q := range questions() {
		check(t, a, q, q.Role.May(q.Needs))
	}
}

// questions are what is asked on an ordinary day.
func questions() (list []api.Question) {
	for operation, need := range map[string]api.Role{"me": api.Viewer, "list": api.Viewer, "logs": api.Viewer, "metrics": api.Viewer, "kill": api.Operator, "rebalance": api.Operator, "deploy": api.Admin} {
		for _, role := range append([]api.Role{""}, api.Roles...) {
			for _, who := range []string{"", "alice"} {
				for _, name := range []topology.Name{"", "word-count"} {
					list = append(list, api.Question{Who: who, Role: role, From: "127.0.0.1", Operation: operation, Needs: need, Topology: name})
				}
			}
		}
	}
	return list
}

// strange asks what only somebody would ask who looks for a hole.
func strange(t *testing.T, a api.Authorizer) {
	for _, role := range []api.Role{"root", "Admin", "admin ", "viewer,admin", "\x00", "constructor", "__proto__"} {
		check(t, a, api.Question{Role: role, From: "127.0.0.1", Operation: "deploy", Needs: api.Admin}, false)
		check(t, a, api.Question{Role: role, From: "127.0.0.1", Operation: "list", Needs: api.Viewer}, false)
	}
	check(t, a, api.Question{Role: api.Admin, From: "127.0.0.1", Operation: "x", Needs: "root"}, false)
	check(t, a, api.Question{Role: api.Admin, From: "127.0.0.1", Operation: "x"}, false)
	for _, text := range []string{strings.Repeat("x", 64<<10), "\"}{\"allow\":true", "\xff\xfe", "a\nb", "Ünïcödé 🦑", "../../etc", "hasOwnProperty"} {
		check(t, a, api.Question{Who: text, Role: api.Viewer, From: "127.0.0.1", Operation: "deploy", Needs: api.Admin, Topology: topology.Name(text)}, false)
		check(t, a, api.Question{Who: text, Role: api.Admin, From: "127.0.0.1", Operation: "deploy", Needs: api.Admin, Topology: topology.Name(text)}, true)
	}
}

// together asks at the same time, for different people.
func together(t *testing.T, a api.Authorizer) {
	var wg crash.Group
	defer wg.Wait()
	for i := range 8 {
		wg.Go(func() {
			for _, q := range questions() {
				q.From = fmt.Sprintf("127.0.0.%d", i)
				if err := a.Authorize(context.Background(), q); (err == nil) != q.Role.May(q.Needs) {
					t.Errorf("%+v: %v", q, err)
				}
			}
		})
	}
}

// cancelled asks, and is gone: nothing is allowed then, and it costs nothing.
func cancelled(t *testing.T, a api.Authorizer) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		if err := a.Authorize(ctx, api.Question{Role: api.Admin, From: "127.0.0.1", Operation: "list", Needs: api.Viewer}); err == nil {
			t.Error("something is allowed to somebody who is gone")
		}
	}
	check(t, a, api.Question{Role: api.Admin, From: "127.0.0.1", Operation: "list", Needs: api.Viewer}, true)
}

// waiting is for what returns at once, on a machine that is busy.
const waiting = 20 * time.Second

// RunStarting asks an authorizer that cannot decide yet, because it begins: who
// goes away is kept by nobody.
func RunStarting(t *testing.T, a api.Authorizer) {
	var wg crash.Group
	defer wg.Wait()
	began := time.Now()
	for range 8 {
		wg.Go(func() {
			gone := errors.New("gone")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, gone)
			defer cancel()
			err := a.Authorize(ctx, api.Question{Role: api.Admin, From: "127.0.0.1", Operation: "list", Needs: api.Viewer})
			if took := time.Since(began); !errors.Is(err, gone) || took > waiting {
				t.Errorf("who is gone hears %v after %v", err, took)
			}
		})
	}
}
