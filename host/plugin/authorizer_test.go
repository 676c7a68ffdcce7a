package plugin

import (
	"testing"

	"github.com/polybolt/polybolt/host/api/authorizertest"
)

// The built-in decides the same on both sides of a pipe.
func TestAuthorizerBehindAPlugin(t *testing.T) {
	t.Parallel()
	o, logged := patient(AuthorizerOptions(), self(t), "even")
	a, err := NewAuthorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	authorizertest.Run(t, a)
	if logged.count(authorizers.fails) != 0 || logged.count("plugin runs") != 1 {
		t.Error(logged)
	}
}
