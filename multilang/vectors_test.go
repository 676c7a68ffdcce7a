package multilang

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

type valueVector struct {
	Name    string `json:"name"`
	Value   any    `json:"value"`
	Msgpack string `json:"msgpack"`
	Hash    string `json:"hash"`
	JSON    string `json:"json,omitempty"`
}

// values that every language must carry unchanged.
func vectorValues() []valueVector {
	deep := any(int64(1))
	for range MaxDepth {
		deep = []any{deep}
	}
	list := []struct {
		name string
		v    any
		json string
	}{
		{"nil", nil, "null"}, {"false", false, "false"}, {"true", true, "true"},
		{"empty string", "", `""`}, {"word", "word", `"word"`}, {"non-ASCII", "žluťoučký 魚 𝄞", `"žluťoučký 魚 𝄞"`},
		{"escaped", "a\"b\\c\n\t\u2028", `"a\"b\\c\n\t\u2028"`}, {"NUL inside", "a\x00b", `"a\u0000b"`}, {"only NUL", "\x00", `"\u0000"`},
		{"surrogate pair escape", "𝄞", `"\ud834\udd1e"`},
		{"31 bytes", strings.Repeat("x", 31), ""}, {"32 bytes", strings.Repeat("x", 32), ""}, {"256 bytes", strings.Repeat("y", 256), ""},
		{"65536 bytes", strings.Repeat("z", 65536), ""},
		{"empty bytes", []byte{}, ""}, {"bytes", []byte{0, 0xff, 0x80, 'a'}, ""}, {"300 bytes of bytes", bytes.Repeat([]byte{7}, 300), ""},
		{"float 1.5", 1.5, "1.5"}, {"float 3.0", 3.0, ""}, {"float 0.1", 0.1, "0.1"}, {"float 1e300", 1e300, "1e300"},
		{"float 5e-324", 5e-324, "5e-324"}, {"float max", math.MaxFloat64, ""}, {"float -0", math.Copysign(0, -1), ""},
		{"float nan", math.NaN(), ""}, {"float inf", math.Inf(1), ""}, {"float -inf", math.Inf(-1), ""},
		{"float 2^53", float64(1 << 53), ""}, {"float 2^60", float64(1 << 60), ""},
		{"time", time.Unix(1700000000, 0).UTC(), ""}, {"time with nanoseconds", time.Unix(1700000000, 123456789).UTC(), ""},
		{"time before 1970", time.Unix(-5, 250000000).UTC(), ""}, {"time in microseconds", time.Unix(1763800000, 1000).UTC(), ""},
		{"empty list", []any{}, "[]"}, {"list", []any{int64(1), "a", nil, []any{true, 2.5}}, `[1,"a",null,[true,2.5]]`},
		{"empty map", Map{}, "{}"}, {"map", Map{{"a", int64(1)}, {"b", []any{}}, {"", nil}}, `{"a":1,"b":[],"":null}`},
		{"map in another order", Map{{"", nil}, {"b", []any{}}, {"a", int64(1)}}, ""},
		{"map with __proto__", Map{{"__proto__", int64(1)}, {"constructor", "x"}}, `{"__proto__":1,"constructor":"x"}`},
		{"map with odd keys", Map{{int64(1), "int"}, {"1", "str"}, {nil, false}, {[]byte{1}, "bytes"}}, ""},
		{"nested map", Map{{"a", Map{{"b", Map{{"c", []any{int64(1), int64(2)}}}}}}}, `{"a":{"b":{"c":[1,2]}}}`},
		{"list of 20", anys(20), ""}, {"list of 300", anys(300), ""}, {"deepest", deep, ""},
	}
	var out []valueVector
	add := func(name string, v any, text string) {
		b, err := Append(nil, v)
		must(err)
		h, _ := Hash(b, nil)
		out = append(out, valueVector{name, tag(v), hex.EncodeToString(b), fmt.Sprintf("%016x", h), text})
	}
	for _, x := range list {
		add(x.name, x.v, x.json)
	}
	for _, i := range []int64{0, 1, -1, 127, 128, -32, -33, 255, 256, -128, -129, 65535, 65536, -32768, -32769, 1<<31 - 1, 1 << 31, 1 << 32,
		-1 << 31, -1<<31 - 1, 1<<53 - 1, 1 << 53, 1<<53 + 1, -1 << 53, math.MaxInt64, math.MinInt64} {
		text := ""
		if i <= 1<<53 && i >= -1<<53 {
			text = fmt.Sprint(i)
		}
		add(fmt.Sprint("int ", i), i, text)
	}
	return out
}

func anys(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = int64(i % 7)
	}
	return list
}

func TestValueVectors(t *testing.T) {
	golden(t, "values.json", vectorValues())
	var vectors []valueVector
	load(t, "values.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			b := unhex(v.Msgpack)
			got, n, err := Decode(b)
			if err != nil || n != len(b) || !same(got, untag(v.Value)) {
				t.Fatalf("decoded %v, %d bytes, %v", got, n, err)
			}
			again, err := Append(nil, untag(v.Value))
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("encoded %x, %v", again, err)
			}
			if h, _ := Hash(b, nil); fmt.Sprintf("%016x", h) != v.Hash {
				t.Errorf("hash %016x, frozen %s", h, v.Hash)
			}
			if v.JSON != "" {
				m, err := AppendJSON(nil, []byte(v.JSON))
				fromJSON, _, err2 := Decode(m)
				if err != nil || err2 != nil || !same(fromJSON, got) {
					t.Errorf("JSON gives %v, %v %v", fromJSON, err, err2)
				}
			}
		})
	}
}

type columnVector struct {
	Name      string `json:"name"`
	Kind      int    `json:"kind"`
	N         int    `json:"n"`
	Values    []any  `json:"values"`
	Data      string `json:"data"`
	Canonical bool   `json:"canonical"`
}

func vectorColumns() []columnVector {
	var out []columnVector
	add := func(name string, canonical bool, c Column, values ...any) {
		must(c.Check(len(values)))
		tagged := make([]any, len(values))
		for i, v := range values {
			tagged[i] = tag(v)
		}
		out = append(out, columnVector{name, int(c.Kind), len(values), tagged, hex.EncodeToString(c.Data), canonical})
	}
	built := func(name string, values ...any) {
		var b Builder
		for _, v := range values {
			m, err := Append(nil, v)
			must(err)
			b.AddValue(m)
		}
		add(name, b.Column().Kind != KindAny, b.Column(), values...)
	}
	built("one nil", nil)
	built("nils", nil, nil, nil)
	built("bools", true, false, true)
	built("ints", int64(0), int64(-1), int64(1<<53+1), int64(math.MinInt64), int64(math.MaxInt64))
	built("floats", 1.5, math.Inf(1), math.Copysign(0, -1), 3.0)
	built("float nan", math.NaN())
	built("one empty str", "")
	built("strs", "the", "", "žluťoučký", "𝄞")
	built("strs with NUL", "a\x00b", "", "c")
	built("bytes", []byte{0, 1}, []byte{}, []byte{0xff})
	built("bools or nil", nil, true, false)
	built("ints or nil", int64(1), nil, int64(2), nil, nil, nil, nil, nil, int64(9))
	built("floats or nil", nil, 2.5)
	built("strs or nil", "a", nil, "", "b")
	built("strs with NUL or nil", nil, "\x00")
	built("bytes or nil", []byte{}, nil)
	built("bool and int", true, int64(1))
	built("int and float", int64(1), 1.0)
	built("str and bytes", "a", []byte("a"))
	built("lists and maps", []any{int64(1)}, Map{{"a", nil}}, nil, "s")
	built("times", time.Unix(1700000000, 5).UTC())
	add("JSON", false, Column{KindJSON, []byte("[1,2.5]\n{\"a\":\"b\"}\nnull\n\"\\n\"")}, []any{int64(1), 2.5}, Map{{"a", "b"}}, nil, "\n")
	add("strs in the lengths form", false, Column{KindText, []byte("\x01\x00\x00\x00\x02\x00\x00\x00abc")}, "a", "bc")
	add("strs as any", false, Column{KindAny, []byte("\xa1a\xa2bc")}, "a", "bc")
	return out
}

func TestColumnVectors(t *testing.T) {
	golden(t, "columns.json", vectorColumns())
	var vectors []columnVector
	load(t, "columns.json", &vectors)
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			c := Column{Kind(v.Kind), unhex(v.Data)}
			if err := c.Check(v.N); err != nil {
				t.Fatal(err)
			}
			for i, got := range c.Values(v.N) {
				if !same(got, untag(v.Values[i])) {
					t.Errorf("row %d is %v", i, got)
				}
			}
			for _, n := range []int{0, v.N - 1, v.N + 1} {
				if n > 0 && n != v.N && c.Kind != KindNil && c.Check(n) == nil {
					t.Errorf("also passes for a column of %d rows", n)
				}
			}
		})
	}
}

// golden compares v with a file of testdata/vectors, or writes it.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var buf bytes.Buffer
	buf.WriteString("[\n")
	enc := func(x any) []byte {
		var line bytes.Buffer
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		must(e.Encode(x))
		return bytes.TrimSpace(line.Bytes())
	}
	var list []json.RawMessage
	must(json.Unmarshal(enc(v), &list))
	for i, x := range list {
		buf.Write(bytes.TrimSpace(x))
		if i < len(list)-1 {
			buf.WriteByte(',')
		}
		buf.WriteByte('\n')
	}
	buf.WriteString("]\n")
	path := filepath.Join("testdata", "vectors", name)
	if *update {
		must(os.WriteFile(path, buf.Bytes(), 0o644))
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, buf.Bytes()) {
		t.Errorf("%s is not what the code writes now; a change of it is a change of the protocol (go test ./multilang -update)", path)
	}
}

func load(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "vectors", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}
