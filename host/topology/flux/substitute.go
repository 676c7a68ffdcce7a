package flux

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/polybolt/polybolt/host/topology"
)

var (
	placeholder = regexp.MustCompile(`\$\{([^}\n]*)\}`)
	element     = regexp.MustCompile(`^(.*)\[([0-9]+)\]$`)
)

// substitute replaces the placeholders of a file: ${key}, ${key[2]} for an
// element of a list, ${ENV-NAME}. Flux looks at the last one of a line only;
// here all are replaced. One without a value is a fault. Lines that are
// comments stay as they are.
func substitute(data []byte, o Options) ([]byte, []topology.Error) {
	if !bytes.Contains(data, []byte("${")) {
		return data, nil
	}
	var faults []topology.Error
	lines := strings.SplitAfter(string(data), "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		line, comment := beforeComment(line)
		text, found := substituteLine(line, i+1, o)
		lines[i], faults = text+comment, append(faults, found...)
	}
	return []byte(strings.Join(lines, "")), faults
}

// substituteLine replaces the placeholders of one line.
func substituteLine(line string, number int, o Options) (string, []topology.Error) {
	var out strings.Builder
	var faults []topology.Error
	at, col := 0, 1
	for _, m := range placeholder.FindAllStringIndex(line, -1) {
		before, whole := line[at:m[0]], line[m[0]:m[1]]
		col += utf8.RuneCountInString(before)
		value, why := o.lookup(whole[2 : len(whole)-1])
		if why != "" {
			faults = append(faults, topology.Error{Pos: topology.Pos{Line: number, Col: col}, Msg: why})
			value = strings.Map(func(r rune) rune {
				if strings.ContainsRune("${}[]", r) {
					return '_' // so that the rest of the file can be read
				}
				return r
			}, whole)
		}
		out.WriteString(before + value)
		at, col = m[1], col+utf8.RuneCountInString(whole)
	}
	out.WriteString(line[at:])
	return out.String(), faults
}

// beforeComment cuts a comment off, where it certainly is one.
func beforeComment(line string) (text, comment string) {
	quotes := 0
	for i, r := range line {
		switch r {
		case '"', '\'':
			quotes++
		case '#':
			if quotes%2 == 0 && i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') {
				return line[:i], line[i:]
			}
		}
	}
	return line, ""
}

// lookup returns what a placeholder stands for, or why it stands for nothing.
func (o Options) lookup(key string) (value, why string) {
	if name, ok := strings.CutPrefix(key, "ENV-"); ok {
		if o.Environ == nil {
			return "", fmt.Sprintf("${%s} asks for the environment variable %s: allow it with --env-filter", key, name)
		}
		if value, ok = o.Environ[name]; !ok {
			return "", fmt.Sprintf("${%s}: there is no environment variable %s", key, name)
		}
	} else if m := element.FindStringSubmatch(key); m != nil {
		list, ok := o.Values[m[1]]
		if !ok {
			return "", o.missing(m[1])
		}
		items := elements(list)
		i, err := strconv.Atoi(m[2])
		if err != nil || i >= len(items) {
			return "", fmt.Sprintf("${%s}: %s has %d elements, counted from 0", key, m[1], len(items))
		}
		value = items[i]
	} else if value, ok = o.Values[key]; !ok {
		return "", o.missing(key)
	}
	if strings.ContainsAny(value, "\r\n") {
		return "", fmt.Sprintf("${%s}: its value has several lines, which cannot be put into one", key)
	}
	return value, ""
}

func (o Options) missing(key string) string {
	if o.Filter != "" {
		return fmt.Sprintf("${%s} has no value: %s does not have it; add it there, or give --define %s=VALUE", key, o.Filter, key)
	}
	return fmt.Sprintf("${%s} has no value: give --filter FILE.properties or --define %s=VALUE", key, key)
}

// elements takes a list apart that is written as ["a", "b"].
func elements(list string) []string {
	list = strings.TrimSpace(list)
	list = strings.TrimSuffix(strings.TrimPrefix(list, "["), "]")
	if strings.TrimSpace(list) == "" {
		return nil
	}
	items := strings.Split(list, ",")
	for i := range items {
		items[i] = strings.Trim(strings.TrimSpace(items[i]), `"'`)
	}
	return items
}

// ReadProperties reads a Java .properties file: lines of key=value, key: value
// or key value, comments from # or ! on, a line that ends in a backslash
// goes on in the next, and escapes as Java has them (java.util.Properties, load).
func ReadProperties(data []byte) map[string]string {
	values := map[string]string{}
	var logical strings.Builder
	for line := range strings.Lines(string(data)) {
		line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t\f")
		if logical.Len() == 0 && (line == "" || line[0] == '#' || line[0] == '!') {
			continue
		}
		tail := len(line) - len(strings.TrimRight(line, `\`))
		if tail%2 == 1 {
			logical.WriteString(line[:len(line)-1])
			continue
		}
		logical.WriteString(line)
		key, value := property(logical.String())
		values[key] = value
		logical.Reset()
	}
	if logical.Len() > 0 {
		key, value := property(logical.String())
		values[key] = value
	}
	return values
}

func property(line string) (key, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.IndexByte("=: \t\f", line[i]) >= 0 {
			end = i
			break
		}
	}
	rest := strings.TrimLeft(line[end:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	return unescape(line[:end]), unescape(rest)
}

func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			if i+4 < len(s) {
				if n, err := strconv.ParseUint(s[i+1:i+5], 16, 16); err == nil {
					b.WriteRune(rune(n))
					i += 4
					continue
				}
			}
			b.WriteByte('u')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
