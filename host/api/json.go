package api

import (
	"bytes"
	"encoding/json"
)

// JSON returns a value as JSON, as it is: no browser is to read it as a page, so
// < > and & need no escapes, which people would have to read.
func JSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), err
}
