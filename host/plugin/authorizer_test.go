package plugin

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/polybolt/polybolt/host/api/authorizertest"
)

// The built-in decides the same on both sides of a pipe, and keeps nobody
// waiting who is gone while it starts.
func TestAuthorizerBehindAPlugin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "begin")
	o, logged := patient(AuthorizerOptions(), self(t), "late", file)
	a, err := NewAuthorizer(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	authorizertest.RunStarting(t, a)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	authorizertest.Run(t, a)
	if logged.count(authorizers.fails) != 0 || logged.count("plugin runs") != 1 {
		t.Error(logged)
	}
}
