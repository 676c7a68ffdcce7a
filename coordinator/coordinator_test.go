package coordinator

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpErrorTellsPathAndCause(t *testing.T) {
	t.Parallel()
	err := error(&OpError{Index: 1, Path: "/a/b", Err: ErrExists})
	if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "/a/b") {
		t.Errorf("%v", err)
	}
}
