package embedded

import (
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	o := DefaultOptions()
	o.Address = "127.0.0.1:0"
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	err := Options{Address: "0.0.0.0:2181", MaxSessionTimeout: -1}.Validate()
	if err == nil {
		t.Fatal("valid")
	}
	for _, part := range []string{"0.0.0.0:2181", "MaxBytes", "MaxConnections", "MaxWatchBytes", "MinSessionTimeout", "MaxSessionTimeout"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if _, err := New(Options{}); err == nil {
		t.Error("New takes invalid options")
	}
}

func TestSplitAddress(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"unix:/run/x.sock":                  true,
		"127.0.0.1:0":                       true,
		"[::1]:2181":                        true,
		"localhost:0":                       true,
		"unix:x.sock":                       false,
		"unix:":                             false,
		"":                                  false,
		":2181":                             false,
		"10.0.0.1:2181":                     false,
		"example.com:2181":                  false,
		"unix:/" + strings.Repeat("x", 200): false,
	} {
		if _, _, err := splitAddress(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}
