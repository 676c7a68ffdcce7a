package topology

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	verify "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"
)

var update = flag.Bool("update", false, "write the golden files again")

// schemaOf writes a shape as a JSON Schema.
func schemaOf(s *shape) *jsonschema.Schema {
	out := &jsonschema.Schema{}
	switch s.form {
	case formText:
		out.Type, out.Pattern = "string", s.pattern
		out.MinLength, out.MaxLength = bound(s.min), bound(s.max)
	case formWord:
		out.Enum = words(s)
	case formBool:
		out.Type = "boolean"
	case formInt:
		out = integerSchema(s)
	case formSize:
		out.AnyOf = []*jsonschema.Schema{integerSchema(s), {Type: "string", Pattern: s.pattern}}
	case formDuration:
		out.Type, out.Pattern = "string", s.pattern
	case formList:
		out.Type, out.Items, out.UniqueItems = "array", schemaOf(s.elem), s.unique
		out.MinItems, out.MaxItems = bound(s.min), bound(s.max)
	case formMap:
		out.Type, out.AdditionalProperties = "object", schemaOf(s.elem)
		out.PropertyNames = &jsonschema.Schema{Pattern: s.pattern}
		out.MinProperties, out.MaxProperties = bound(s.min), bound(s.max)
	case formRecord:
		out = recordSchema(s)
	case formUnion:
		for _, alt := range s.alt {
			out.AnyOf = append(out.AnyOf, schemaOf(alt))
		}
	case formConf:
		out.Type = "object"
	}
	if len(s.words) > 0 && s.form != formWord {
		out = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{out, {Enum: words(s)}}}
	}
	if s.empty {
		out = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{out, {Type: "null"}}}
	}
	return out
}

func integerSchema(s *shape) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type:    "integer",
		Minimum: json.Number(strconv.FormatInt(s.min, 10)),
		Maximum: json.Number(strconv.FormatInt(s.max, 10)),
	}
}

func recordSchema(s *shape) *jsonschema.Schema {
	out := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
	for _, o := range s.record {
		property := schemaOf(o.shape)
		property.Description, property.Default = o.doc, o.initial
		out.Properties.Set(o.name, property)
		if o.required {
			out.Required = append(out.Required, o.name)
		}
	}
	if s.one {
		out.MinProperties, out.MaxProperties = bound(1), bound(1)
	}
	return out
}

func words(s *shape) []any {
	var out []any
	for _, w := range s.words {
		out = append(out, w)
	}
	return out
}

func bound(n int64) *uint64 {
	if n == 0 {
		return nil
	}
	u := uint64(n)
	return &u
}

// TestSchema tests that the committed schema says what the loader's tables say.
func TestSchema(t *testing.T) {
	s := schemaOf(record(outlines(topFields)))
	s.Version = jsonschema.Version
	s.Title = "Polybolt topology"
	want, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(Schema(), want) {
		t.Error("schema.json is not what the tables say: run go test ./host/topology -run TestSchema -update")
	}
}

func compileSchema(t *testing.T) *verify.Schema {
	t.Helper()
	doc, err := verify.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := verify.NewCompiler()
	if err := c.AddResource("topology.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("topology.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON reads YAML as an editor with a schema does: as a JSON value.
func asJSON(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := yaml.Load(data, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := verify.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSchemaJudges tests that the schema and the loader agree: it takes what
// is valid, refuses each mistake of form, and has no opinion on meaning.
func TestSchemaJudges(t *testing.T) {
	t.Parallel()
	s := compileSchema(t)
	for _, dir := range []string{"valid", "structure", "meaning"} {
		for _, file := range yamlFiles(t, dir) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Validate(asJSON(t, data))
			if refused := err != nil; refused != (dir == "structure") {
				t.Errorf("%s: the schema says %v", file, err)
			}
		}
	}
}

// TestSchemaKeys tests that the loader reads every key of the schema, and that
// each is told apart from a misspelt one: a key that is only in the schema would pass silently.
func TestSchemaKeys(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, file := range yamlFiles(t, "valid") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		root := parse(data, "", &problems{})
		visitKeys(root, seen)
	}
	for _, table := range [][]outline{outlines(topFields), outlines(configFields), outlines(componentFields), outlines(inputFields), outlines(groupFields), outlines(batchFields)} {
		for _, o := range table {
			if !seen[o.name] {
				t.Errorf("no valid example uses the key %q", o.name)
			}
			if o.doc == "" || strings.ContainsAny(o.doc, "\n") {
				t.Errorf("the key %q needs one line that says what it is for", o.name)
			}
		}
	}
}

func visitKeys(n *node, seen map[string]bool) {
	for _, e := range n.entries {
		seen[e.key.text] = true
		visitKeys(e.value, seen)
	}
	for _, item := range n.items {
		visitKeys(item, seen)
	}
}

// yamlFiles lists the examples in a folder of testdata.
func yamlFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples in testdata/%s: %v", dir, err)
	}
	return files
}
