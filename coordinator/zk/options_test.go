package zk

import (
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

func TestDefaultOptionsLackOnlyServers(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "no servers") {
		t.Errorf("without servers: %v", err)
	}
	o.Servers = []string{"localhost"}
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	t.Parallel()
	o := Options{
		Servers: []string{"host:99999"}, Root: "x", SessionTimeout: time.Millisecond,
		Credentials: []coordinator.Credential{{User: "a:b", Secret: "hunter2"}},
		ACL:         []coordinator.Permission{{Rights: coordinator.All, Identity: "ip:10.0.0.1"}},
	}
	err := o.Validate()
	if err == nil {
		t.Fatal("valid")
	}
	for _, part := range []string{`"99999"`, "root:", "session timeout 1ms", "request timeout 0s", `"a:b"`, `"ip:10.0.0.1"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is in: %v", err)
	}
	if _, err := Open(o); err == nil {
		t.Error("Open takes invalid options")
	}
}

func TestSplitServer(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"zk1:2182":       "tcp zk1:2182",
		"zk1":            "tcp zk1:2181",
		"10.0.0.1":       "tcp 10.0.0.1:2181",
		"[::1]:2182":     "tcp [::1]:2182",
		"::1":            "tcp [::1]:2181",
		"[::1]":          "tcp [::1]:2181",
		"unix:/run/a.so": "unix /run/a.so",
		"unix:a.so":      "",
		"unix:":          "",
		"":               "",
		":2181":          "",
		"a:b:c":          "",
		"zk1:":           "",
		"zk1:0":          "",
		"zk1,zk2:2181":   "",
		"zk1:2181/root":  "",
	} {
		network, address, err := splitServer(server)
		if got := strings.TrimSpace(network + " " + address); got != want {
			t.Errorf("%q: %q, want %q", server, got, want)
		}
		if (err != nil) != (want == "") {
			t.Errorf("%q: %v", server, err)
		}
	}
}
