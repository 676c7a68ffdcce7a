package judge

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/polybolt/polybolt/multilang"
)

// showMessage writes a message for people, as far as it can be read.
func showMessage(b []byte) string {
	var out strings.Builder
	n, ok := showElement(&out, b, 0)
	switch {
	case !ok:
		out.WriteString(" … here it cannot be read any further")
	case n < len(b):
		fmt.Fprintf(&out, " … and %d bytes more", len(b)-n)
	}
	text := out.String()
	if len(text) > 4*showLimit {
		text = strings.ToValidUTF8(text[:4*showLimit], "") + "…"
	}
	return text
}

// showElement writes the element at the start of b and returns its length. Of a
// message's elements only arrays hold what is no value of the protocol: columns.
func showElement(out *strings.Builder, b []byte, depth int) (int, bool) {
	if out.Len() > 8*showLimit {
		return len(b), false // nobody reads on
	}
	if kind, data, n, ok := extAt(b); ok && kind > 0 {
		fmt.Fprintf(out, "column(kind %d, %d bytes: %s)", kind, len(data), show(string(data)))
		return n, true
	}
	if count, n, ok := arrayAt(b); ok && depth < multilang.MaxDepth {
		out.WriteString("[")
		for i := range count {
			if i > 0 {
				out.WriteString(", ")
			}
			k, ok := showElement(out, b[n:], depth+1)
			n += k
			if !ok {
				return n, false
			}
		}
		out.WriteString("]")
		return n, true
	}
	v, n, err := multilang.Decode(b)
	if err != nil {
		return 0, false
	}
	if raw, ok := v.([]byte); ok && len(raw)%4 == 0 && len(raw) > 0 {
		fmt.Fprintf(out, "u32s(%s)", showNumbers(raw))
		return n, true
	}
	out.WriteString(show(v))
	return n, true
}

func showNumbers(u multilang.U32s) string {
	var words []string
	for i := range min(u.Len(), 64) {
		words = append(words, fmt.Sprint(u.At(i)))
	}
	if u.Len() > len(words) {
		words = append(words, fmt.Sprintf("… %d in all", u.Len()))
	}
	return strings.Join(words, ", ")
}

// arrayAt reads the head of an array.
func arrayAt(b []byte) (count, n int, ok bool) {
	switch {
	case len(b) >= 1 && b[0]&0xf0 == 0x90:
		return int(b[0] & 0x0f), 1, true
	case len(b) >= 3 && b[0] == 0xdc:
		return int(binary.BigEndian.Uint16(b[1:])), 3, true
	case len(b) >= 5 && b[0] == 0xdd:
		return int(binary.BigEndian.Uint32(b[1:])), 5, true
	}
	return 0, 0, false
}

// extAt reads an ext.
func extAt(b []byte) (kind int8, data []byte, n int, ok bool) {
	head, size := 0, 0
	switch {
	case len(b) >= 2 && b[0] >= 0xd4 && b[0] <= 0xd8:
		head, size = 2, 1<<(b[0]-0xd4)
	case len(b) >= 3 && b[0] == 0xc7:
		head, size = 3, int(b[1])
	case len(b) >= 4 && b[0] == 0xc8:
		head, size = 4, int(binary.BigEndian.Uint16(b[1:]))
	case len(b) >= 6 && b[0] == 0xc9:
		head, size = 6, int(binary.BigEndian.Uint32(b[1:]))
	}
	if head == 0 || size > len(b)-head {
		return 0, nil, 0, false
	}
	return int8(b[head-1]), b[head : head+size], head + size, true
}
