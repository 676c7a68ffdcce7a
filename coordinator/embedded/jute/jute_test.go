package jute

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"pgregory.net/rapid"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		flag, i, l := rapid.Bool().Draw(t, "bool"), rapid.Int32().Draw(t, "int"), rapid.Int64().Draw(t, "long")
		buf, text := rapid.SliceOf(rapid.Byte()).Draw(t, "buffer"), rapid.String().Draw(t, "string")
		var b []byte
		b = AppendBool(b, flag)
		b = AppendInt32(b, i)
		b = AppendInt64(b, l)
		b = AppendBytes(b, buf)
		b = AppendBytes(b, nil)
		b = AppendString(b, text)
		for cut := range b {
			r := NewReader(b[:cut])
			if readAll(r); r.Err() == nil {
				t.Fatalf("%d of %d bytes are enough", cut, len(b))
			}
		}
		r := NewReader(b)
		gotFlag, gotI, gotL := r.Bool(), r.Int32(), r.Int64()
		gotBuf, none, gotText := r.Bytes(), r.Bytes(), r.Text()
		if r.Err() != nil || r.Len() != 0 {
			t.Fatalf("%v, %d bytes left", r.Err(), r.Len())
		}
		if gotFlag != flag || gotI != i || gotL != l || !bytes.Equal(gotBuf, buf) || gotBuf == nil || none != nil || gotText != text {
			t.Fatalf("read %v %v %v %x %x %q", gotFlag, gotI, gotL, gotBuf, none, gotText)
		}
	})
}

func readAll(r *Reader) {
	r.Bool()
	r.Int32()
	r.Int64()
	_ = r.Bytes()
	_ = r.Bytes()
	_ = r.Text()
}

func TestMalformed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		input string
		read  func(*Reader)
	}{
		"bool of 2":                {"02", func(r *Reader) { r.Bool() }},
		"short int":                {"000000", func(r *Reader) { r.Int32() }},
		"short long":               {"00000000000000", func(r *Reader) { r.Int64() }},
		"buffer of −2":             {"fffffffe00", func(r *Reader) { r.Bytes() }},
		"buffer longer than input": {"7fffffff00", func(r *Reader) { r.Bytes() }},
		"string of −2":             {"fffffffe00", func(r *Reader) { _ = r.Text() }},
		"string longer than input": {"0000000261", func(r *Reader) { _ = r.Text() }},
		"string that is not UTF-8": {"00000001ff", func(r *Reader) { _ = r.Text() }},
		"vector of −2":             {"fffffffe", func(r *Reader) { r.Count(1) }},
		"vector of 2 longs in 15":  {"00000002" + "0102030405060708090a0b0c0d0e0f", func(r *Reader) { r.Count(8) }},
	} {
		input, err := hex.DecodeString(c.input)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(input)
		if c.read(r); !errors.Is(r.Err(), ErrMalformed) {
			t.Errorf("%s: %v", name, r.Err())
		}
		// The error sticks, and so do zero values.
		first := r.Err()
		if r.Int64() != 0 || r.Bytes() != nil || r.Text() != "" || r.Count(1) != 0 || r.Bool() || r.Err() != first {
			t.Errorf("%s: the reader goes on after its error", name)
		}
	}
}

// A result must not change when the buffer is used again.
func TestResultsDoNotAlias(t *testing.T) {
	t.Parallel()
	input := AppendBytes(nil, []byte("abc"))
	got := NewReader(input).Bytes()
	clear(input)
	if string(got) != "abc" {
		t.Errorf("%q", got)
	}
}
