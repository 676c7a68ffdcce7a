package coordinator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// The example of ZooKeeper's own documentation of the digest scheme.
func TestIdentity(t *testing.T) {
	t.Parallel()
	got := Credential{User: "super", Secret: "admin"}.Identity()
	if want := "digest:super:xQJmxLMiHGwaqBvst5y6rkB6HQs="; got != want {
		t.Errorf("Identity = %s, want %s", got, want)
	}
}

func TestCredentialHidesItsSecret(t *testing.T) {
	t.Parallel()
	options := struct{ Who Credential }{Credential{User: "nimbus", Secret: "hunter2"}}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "a", options, "b", options.Who)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "a", options, "b", options.Who)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, options)
		fmt.Fprintf(&out, verb, options.Who)
	}
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	if all := out.String() + string(text); strings.Contains(all, "hunter2") || !strings.Contains(all, "nimbus") {
		t.Errorf("printed: %s", all)
	}
}
