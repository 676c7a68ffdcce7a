package multilang

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever the scanner passes can be decoded, written and hashed, and is the same value then.
func FuzzValue(f *testing.F) {
	for _, b := range fuzzSeeds(f).all() {
		f.Add(b)
	}
	for _, x := range []string{"d6ff00000001", "d7ff0000000400000000", "c70cff000000010000000000000001", "c70bff", "c70c0100", "d60100000000", "ca3fc00000", "a1ff", "d901ff", "da000161", "db0000000161",
		"c50001ff", "c600000001ff", "dc000101", "dd0000000101", "de00010101", "df000000010101", "cc80", "cd0100", "ce00010000", "cf0000000100000000", "d080", "d18000", "d280000000", "d38000000000000000", "d7", "d6ff", "82a161c0a161c3"} {
		f.Add(unhex(x))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Skip(b)
		v, m, err2 := Decode(b)
		if (err == nil) != (err2 == nil) || n != m || n > len(b) {
			t.Fatalf("Skip: %d, %v; Decode: %d, %v", n, err, m, err2)
		}
		if err != nil {
			return
		}
		again, err := Append(nil, v)
		if err != nil {
			t.Fatalf("%v cannot be written: %v", v, err)
		}
		if short, k := canonical(nil, b[:n]); k != n || !bytes.Equal(short, again) {
			t.Errorf("canonical % x, written % x", short, again)
		}
		v2, _, err := Decode(again)
		if err != nil || !same(v, v2) {
			t.Errorf("%v came back as %v, %v", v, v2, err)
		}
		h, scratch := Hash(b[:n], nil)
		if h2, _ := Hash(again, scratch); h != h2 {
			t.Errorf("hash %x, of the short form %x", h, h2)
		}
	})
}

// A text that may stand in a column of kind 9 is JSON to everybody, and one value.
func FuzzJSON(f *testing.F) {
	for _, v := range vectorValues() {
		f.Add([]byte(v.JSON))
	}
	for _, s := range []string{`{"a":[1,2.5,{"b":null}],"c":"\ud834\udd1e\n\u00e9\\\/"}`, ` [ 1 , 2 ] `, `[1 2]`, `[1,]`, `{"a"}`, `{1:2}`, `{"a":1 "b":2}`, `"\ud834"`, `"\ud834\u0041"`,
		`"\x"`, `"\u12"`, `"\`, `"a`, "\"\x01\"", "\"\xff\"", `-0`, `-0.0`, `1e999`, `1e-400`, `9007199254740993`, `-9007199254740992`, `01`, `1.`, `1.5e`, `1e+5`, `1E-5`, `-`, `+1`, `tru`, `nul`, `false`, `1 1`,
		"[\n1]", `"\ud83`, `"\ud834\udd1`, `"\ud834\uzzzz"`, `[nulL]`, `{"a":}`, `{"a":1,}`, `[99999999999999999999]`, `"\u00zz"`, `{"\q":1}`, `[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := checkJSON(text)
		b, err2 := AppendJSON(nil, text)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("checked: %v; read: %v", err, err2)
		}
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Errorf("%q is no JSON to others", text)
		}
		if n, err := Skip(b); err != nil || n != len(b) {
			t.Errorf("%q gives % x, of which %d bytes are a value: %v", text, b, n, err)
		}
	})
}
