package topology

import (
	"bytes"
	_ "embed"
)

// The schema is written from the tables of the loader by the test in
// schema_test.go: go test ./host/topology -run TestSchema -update
//
//go:embed schema.json
var schema []byte

// Schema returns a JSON Schema (draft 2020-12) of the native form, for editors:
// its keys, types and bounds, with what each key is for. What joins components
// is beyond a schema; [Load] checks it.
func Schema() []byte {
	return bytes.Clone(schema)
}
