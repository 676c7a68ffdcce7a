package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/polybolt/polybolt/host/api"
)

// Verdict is an authorizer's answer as it travels. The question is an
// [api.Question]. What says nothing refuses.
type Verdict struct {
	Allow bool   `json:"allow"`
	Text  string `json:"text,omitempty"` // of a refusal: what the asker is told
}

var _ api.Authorizer = (*Authorizer)(nil)

// Authorizer asks a plugin who may do what. It fails closed: while there is no
// answer nobody may do anything. Its methods may be called concurrently.
type Authorizer struct{ p *program }

// NewAuthorizer returns an authorizer. The plugin is started by the first question.
func NewAuthorizer(o Options) (*Authorizer, error) {
	p, err := newProgram(&authorizers, o)
	if err != nil {
		return nil, err
	}
	return &Authorizer{p}, nil
}

// Authorize implements [api.Authorizer].
func (a *Authorizer) Authorize(ctx context.Context, q api.Question) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var v Verdict
	if _, err := a.p.ask(ctx, q, &v); err != nil {
		return fmt.Errorf("the authorizer plugin has no answer: %w", err)
	}
	if !v.Allow {
		return api.Errorf(api.CodeForbidden, "%s", cmp.Or(v.Text, "the authorizer of this cluster does not allow it"))
	}
	return nil
}

// Close ends the plugin, and waits until it has ended. After that nobody may do anything.
func (a *Authorizer) Close() { a.p.close() }

// deciding answers with an authorizer.
func deciding(a api.Authorizer) answering {
	return func(ctx context.Context, text []byte) (any, error) {
		var q api.Question
		if err := json.Unmarshal(text, &q); err != nil {
			return nil, err
		}
		err := a.Authorize(ctx, q)
		var e *api.Error
		switch {
		case err == nil:
			return &Verdict{Allow: true}, nil
		case errors.As(err, &e) && e.Code == api.CodeForbidden:
			return &Verdict{Text: e.Text}, nil
		}
		return nil, err
	}
}
