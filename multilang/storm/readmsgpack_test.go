package storm

import (
	"strings"
	"testing"
)

// A value that we cannot carry fails the tuple, with the field's name; the stream goes on.
func TestMsgpackValuesThatCannotBeCarried(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"beyond 64 bits", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", `field "b" of stream "default": the integer 18446744073709551615 does not fit 64 bits: emit it as text`},
		{"an extension", "\xd4\x05\x01", `field "b" of stream "default": at byte 0: `},
		{"a key that is a list", "\x81\x90\x01", `field "b" of stream "default": at byte 1: a map key is a list`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := New(Options{Form: Msgpack, Component: "c", Outputs: []Output{{Stream: "default", Fields: []string{"a", "b"}}}})
			stream := "\x81\xa3pid\x01" + "\x82\xa7command\xa4emit\xa5tuple\x92\x01" + c.value + "\x83\xa7command\xa3log\xa3msg\xa2on\xa5level\x03"
			used, _, err := a.Child([]byte(stream))
			if err != nil || used != len(stream) {
				t.Fatalf("used %d of %d: %v", used, len(stream), err)
			}
			got := frames(t, a)
			if !strings.Contains(got, "error EmitError: emit: "+c.want) || !strings.Contains(got, "log 3 on") {
				t.Error(got)
			}
		})
	}
}
