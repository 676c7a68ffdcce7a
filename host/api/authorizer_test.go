package api_test

import (
	"testing"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/api/authorizertest"
)

func TestByRole(t *testing.T) {
	t.Parallel()
	authorizertest.Run(t, api.ByRole{})
}
