package filter

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/multilang"
)

var sample = map[string]any{
	"word": "a", "n": int64(3), "big": int64(1<<53 + 1), "f": 2.5, "nan": math.NaN(), "yes": true, "no": false, "none": nil, "raw": []byte("a\x00b"), "empty": "",
	"list": []any{int64(1), "x", 2.0}, "event": multilang.Map{{Key: "user", Value: multilang.Map{{Key: "id", Value: int64(7)}}}, {Key: []byte("k"), Value: "v"}},
	"at": time.Unix(5, 0), "an odd name": "odd", "größe": int64(4),
}

func match(t *testing.T, text string) bool {
	t.Helper()
	c, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	fields := c.Fields()
	return c.Match(func(i int) any { return sample[fields[i]] })
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`word == "a"`: true, `word == 'b'`: false, `word != "b"`: true, `"a" == word`: true, `word < "b"`: true, `word >= "b"`: false,
		`n == 3`: true, `n == 3.0`: true, `n > 2.9`: true, `n < 0x4`: true, `n <= 1_000`: true, `n == "3"`: false, `n != "3"`: true, `n < "3"`: false, `n >= "3"`: false, `n == 03`: true, `n > -1`: true,
		`big == 9007199254740993`: true, `big == 9007199254740992.0`: false, `big > 9007199254740992.0`: true, `big < 1e300`: true, `big > -1e300`: true, `9007199254740992.0 < big`: true,
		`f == 2.5`: true, `f > 2`: true, `2 < f`: true, `3 > f`: true, `f == 2`: false, `f < 3`: true, `nan == nan`: false, `nan != nan`: true, `n < nan`: false, `nan > n`: false, `f < nan`: false,
		`yes`: true, `no`: false, `not no`: true, `!no`: true, `yes == true`: true, `no < yes`: true, `yes == 1`: false, `none == nil`: true, `none != null`: false, `none`: false, `n == None`: false, `not not n`: true, `empty`: false, `list`: true, `event`: true, `at`: true, `raw`: true, `f`: true,
		`raw == "a\0b"`: true, `raw contains "b"`: true, `word contains "a"`: true, `word contains ""`: true, `word contains 1`: false, `list contains 2`: true, `list contains "y"`: false, `event contains "user"`: true, `event contains "k"`: true, `n contains 3`: false,
		`event.user.id == 7`: true, `event."user".id > 6`: true, `event.nobody.id == nil`: true, `word.x == nil`: true, `event.user`: true,
		`at == at`: true, `at > n`: false, `list == list`: false,
		"`an odd name` == \"odd\"": true, `größe == 4`: true,
		`yes and no or yes`: true, `no or yes and no`: false, `no or (yes and not no)`: true, `yes && !(no || n > 5)`: true, `n > 1 and n < 5`: true,
		`word == "it's"`: false, `word != 'a\'b\n\t\\'`: true, `(n == 3) == true`: true, `nobody == nil`: true,
	} {
		if got := match(t, text); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	c, err := Parse(`b == 1 and (a < b or not c.d)`)
	if err != nil || !slices.Equal(c.Fields(), []string{"b", "a", "c"}) {
		t.Error(c, err)
	}
}

func TestErrorsHaveTheirPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:             "column 1: a field or a value is missing at the end",
		`word = "a"`:   "column 6: = is no comparison: write ==",
		`word == "a`:   `column 9: this text has no closing "`,
		"`word":        "column 1: this name has no closing backquote",
		`word == "\x"`: `column 10: \x has no meaning`,
		`word == `:     "column 9: a field or a value is missing at the end",
		`word == and`:  "column 9: and comes where a field or a value is due",
		`word "a"`:     `column 6: "a" comes where the condition could end: join`,
		`(word == "a"`: "column 13: the end comes where ) is due",
		`word == "a")`: "column 12: ) comes where the condition could end",
		`1 < n < 3`:    "column 7: comparisons do not go in a row: join two by and",
		`n == 1x`:      "column 6: 1x is no number",
		`größe § 1`:    `column 7: '§' has no meaning here`,
		`event. == 1`:  "column 8: == comes where a key is due",
		`n == 1 or`:    "column 10: a field or a value is missing at the end",
		"\xff == 1":    "the condition is not UTF-8",
		strings.Repeat("(", 200) + "n" + strings.Repeat(")", 200): "column 66: the condition is nested deeper than 64",
		strings.Repeat("not ", 200) + "n":                         "nested deeper than 64",
		strings.Repeat("n or ", 2000) + "n":                       "the limit is 4096",
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, and not %s", text, err, want)
		}
	}
	_, err := Parse(`grüße = 1`)
	if want := "column 7: = is no comparison: write ==\n  grüße = 1\n        ^"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`word == "a"`, `not (a.b < -1.5e3 or c contains 'x\n') and d`, "`a b` >= 0x1f", "1<n<3", `"\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || err.Error() == "" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		fields := c.Fields()
		for _, v := range sample { // whatever the values are, it has an answer, and always the same
			value := func(int) any { return v }
			if first := c.Match(value); c.Match(value) != first {
				t.Errorf("%q of %v: once so, once so", text, v)
			}
		}
		for _, name := range fields {
			if !strings.Contains(text, name) {
				t.Errorf("%q: field %q", text, name)
			}
		}
	})
}
