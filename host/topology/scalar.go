package topology

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// kind is the type of a node. Text is read by the core schema of YAML 1.2,
// which knows null, booleans, integers, floats and text, and nothing else:
// a date stays the text that was written.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindFloat
	kindText
	kindBytes // only by the tag !!binary
	kindList
	kindMap
)

// scalar is what an unquoted text means.
type scalar struct {
	kind  kind
	truth bool
	whole int64
	float float64
	// trap says why other readers of YAML take the text for something else,
	// and what to write instead. It matters where the type is open; where text
	// is wanted, "no" is a fine name.
	trap string
}

var (
	decimalForm = regexp.MustCompile(`^[-+]?[0-9]+$`)
	radixForm   = regexp.MustCompile(`^0(o[0-7]+|x[0-9a-fA-F]+)$`)
	floatForm   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	// What YAML 1.1 takes for a number and 1.2 does not.
	oldNumberForm = regexp.MustCompile(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?)$`)
	// 1:30 is 90 in YAML 1.1.
	base60Form = regexp.MustCompile(`^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$`)
)

// resolve tells what an unquoted text means.
func resolve(text string) scalar {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return scalar{kind: kindNull}
	case "true", "True", "TRUE":
		return scalar{kind: kindBool, truth: true}
	case "false", "False", "FALSE":
		return scalar{kind: kindBool}
	case ".nan", ".NaN", ".NAN":
		return scalar{kind: kindFloat, float: math.NaN()}
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return scalar{kind: kindFloat, float: math.Inf(1)}
	case "-.inf", "-.Inf", "-.INF":
		return scalar{kind: kindFloat, float: math.Inf(-1)}
	}
	if truth, old := oldTruth(text); old {
		return scalar{kind: kindText, trap: fmt.Sprintf("unquoted %s is a boolean in YAML 1.1 and text in YAML 1.2: write %t, or %q", text, truth, text)}
	}
	if c := text[0]; c != '-' && c != '+' && c != '.' && (c < '0' || c > '9') {
		return scalar{kind: kindText}
	}
	return resolveNumber(text)
}

// resolveNumber is the part of resolve for what begins like a number.
func resolveNumber(text string) scalar {
	switch {
	case decimalForm.MatchString(text):
		s := scalar{kind: kindInt}
		digits := strings.TrimLeft(text, "+-")
		if len(digits) > 1 && digits[0] == '0' {
			s.trap = fmt.Sprintf("%s is octal in YAML 1.1 and decimal in YAML 1.2: leave the zero out, write 0o for octal, or quote it for text", clip(text))
		}
		s.whole, s.trap = wholeNumber(text, 10, s.trap)
		return s
	case radixForm.MatchString(text):
		base := 8
		if text[1] == 'x' {
			base = 16
		}
		s := scalar{kind: kindInt}
		s.whole, s.trap = wholeNumber(text[2:], base, "")
		return s
	case floatForm.MatchString(text):
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return scalar{kind: kindFloat, float: f, trap: fmt.Sprintf("%s does not fit a 64-bit float: quote it for text", clip(text))}
		}
		return scalar{kind: kindFloat, float: f}
	case oldNumberForm.MatchString(text):
		return scalar{kind: kindText, trap: fmt.Sprintf("unquoted %s is a number in YAML 1.1 and text in YAML 1.2: write the plain decimal number, or quote it", clip(text))}
	case base60Form.MatchString(text):
		return scalar{kind: kindText, trap: fmt.Sprintf("unquoted %s is a number of base 60 in YAML 1.1 and text in YAML 1.2: quote it", clip(text))}
	}
	return scalar{kind: kindText}
}

// wholeNumber parses digits that are known to be well formed.
func wholeNumber(text string, base int, trap string) (int64, string) {
	n, err := strconv.ParseInt(text, base, 64)
	if err != nil {
		return 0, fmt.Sprintf("%s does not fit 64 bits with a sign: quote it for text", clip(text))
	}
	return n, trap
}

// oldTruth reports whether YAML 1.1 takes the text for a boolean and 1.2 does
// not, and which. The letters y and n are left out: hardly a reader minds them.
func oldTruth(text string) (truth, old bool) {
	switch text {
	case "yes", "Yes", "YES", "on", "On", "ON":
		return true, true
	case "no", "No", "NO", "off", "Off", "OFF":
		return false, true
	}
	return false, false
}
