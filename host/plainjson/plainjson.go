// Package plainjson writes JSON for people and programs. No browser is to read
// it as a page, so < > and & stay as they are, where encoding/json writes
// escapes that people would have to read.
package plainjson

import (
	"bytes"
	"encoding/json"
)

// Marshal returns a value as JSON on one line, without a line feed at the end.
// Its errors are those of [json.Marshal].
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}
