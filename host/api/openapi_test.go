package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"
	verify "github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the description of the API again")

// schemas collects the schemas of types, by name.
type schemas map[string]any

// of returns a reference to the schema of a value's type.
func (s schemas) of(t *testing.T, v any) map[string]any {
	t.Helper()
	typ := reflect.TypeOf(v)
	if typ.Kind() == reflect.Slice {
		return map[string]any{"type": "array", "items": s.of(t, reflect.Zero(typ.Elem()).Interface())}
	}
	if typ.Kind() == reflect.Map {
		return map[string]any{"type": "object"}
	}
	r := &jsonschema.Reflector{Anonymous: true, AllowAdditionalProperties: true, RequiredFromJSONSchemaTags: false, Mapper: func(x reflect.Type) *jsonschema.Schema {
		switch x {
		case reflect.TypeFor[time.Duration]():
			return &jsonschema.Schema{Type: "integer", Description: "nanoseconds"}
		case reflect.TypeFor[json.RawMessage]():
			return &jsonschema.Schema{}
		}
		return nil
	}}
	text, err := json.Marshal(r.ReflectFromType(typ))
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("#/$defs/"), []byte("#/components/schemas/"))
	var schema struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	for name, d := range schema.Defs {
		s[name] = nullable(d)
	}
	return map[string]any{"$ref": "#/components/schemas/" + typ.Name()}
}

// nullable lets lists be null: that is how Go writes one that is not there.
func nullable(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = nullable(x)
		}
		if v["type"] == "array" {
			v["type"] = []any{"array", "null"}
		}
	case []any:
		for i, x := range v {
			v[i] = nullable(x)
		}
	}
	return v
}

// describeAPI makes the description from the routes.
func describeAPI(t *testing.T) []byte {
	t.Helper()
	all := schemas{}
	problem := all.of(t, problem{Error: &Error{}})
	paths := map[string]map[string]any{}
	for _, r := range (&handler{}).routes() {
		operation := map[string]any{"operationId": r.id, "summary": r.summary, "description": fmt.Sprintf("Needs the role %s.", r.role)}
		var parameters []any
		for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(r.path, -1) {
			parameters = append(parameters, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
		}
		for _, q := range r.query {
			parameters = append(parameters, map[string]any{"name": q.name, "in": "query", "required": q.required, "description": q.text, "schema": map[string]any{"type": q.kind}})
		}
		if parameters != nil {
			operation["parameters"] = parameters
		}
		switch {
		case r.body != nil:
			operation["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": all.of(t, r.body)}}}
		case r.bodyType != "":
			operation["requestBody"] = map[string]any{"required": true, "content": map[string]any{r.bodyType: map[string]any{}}}
		}
		content := map[string]any{}
		if r.answer != nil {
			content["schema"] = all.of(t, r.answer)
		}
		kind := r.answerType
		if kind == "" {
			kind = "application/json"
		}
		operation["responses"] = map[string]any{
			"200":     map[string]any{"description": "Done, or begun", "content": map[string]any{kind: content}},
			"default": map[string]any{"description": "An error", "content": map[string]any{problemType: map[string]any{"schema": problem}}},
		}
		if paths[r.path] == nil {
			paths[r.path] = map[string]any{}
		}
		paths[r.path][strings.ToLower(r.method)] = operation
	}
	document := map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "Polybolt", "version": "1",
			"description": "The API of nimbus. Every request carries a token, or comes with a client's certificate where nimbus believes an authority of such, and the header " + Header + ", which no form of another site's page can send. Durations are nanoseconds.",
		},
		"security": []any{map[string]any{"token": []any{}, "header": []any{}}, map[string]any{"certificate": []any{}, "header": []any{}}},
		"paths":    paths,
		"components": map[string]any{"schemas": all, "securitySchemes": map[string]any{
			"token":       map[string]any{"type": "http", "scheme": "bearer"},
			"certificate": map[string]any{"type": "mutualTLS"},
			"header":      map[string]any{"type": "apiKey", "in": "header", "name": Header},
		}},
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// The description that is committed, and served, is that of the routes.
func TestDescriptionIsCurrent(t *testing.T) {
	t.Parallel()
	now := describeAPI(t)
	if *update {
		if err := os.WriteFile("openapi.json", now, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(now, description) {
		t.Error("openapi.json is not that of the routes: run `go test ./host/api -run Description -update`")
	}
}

// What the server answers is what the description says: every route is asked.
func TestAnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	_, url, _ := serve(t, here)
	var document any
	if err := json.Unmarshal(description, &document); err != nil {
		t.Fatal(err)
	}
	c := verify.NewCompiler()
	if err := c.AddResource("mem:api.json", document); err != nil {
		t.Fatal(err)
	}
	compile := func(at string) *verify.Schema {
		t.Helper()
		s, err := c.Compile("mem:api.json#" + at)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	all, _ := document.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any)
	for name := range all {
		compile("/components/schemas/" + name)
	}
	asked := 0
	for _, r := range (&handler{}).routes() {
		if r.answerType == eventStream || r.answer == nil {
			continue
		}
		asked++
		kind := r.answerType
		if kind == "" {
			kind = "application/json"
		}
		escape := strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D")
		schema := compile("/paths/" + escape.Replace(r.path) + "/" + strings.ToLower(r.method) + "/responses/200/content/" + escape.Replace(kind) + "/schema")
		answer := request(t, url, r, testToken)
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != kind {
			t.Errorf("%s %s: %s, %s", r.method, r.path, answer.Status, answer.Header.Get("Content-Type"))
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Error(err)
		}
		answer.Body.Close()
		if kind == ndjson {
			body, _, _ = bytes.Cut(body, []byte("\n"))
		}
		value, err := verify.UnmarshalJSON(bytes.NewReader(body))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			t.Errorf("%s %s: %v\n%s", r.method, r.path, err, body)
		}
	}
	if asked < 13 {
		t.Errorf("only %d routes were asked", asked)
	}
}

// request sends a request to a route as its caller would.
func request(t *testing.T, url string, r route, token string) *http.Response {
	t.Helper()
	path := strings.ReplaceAll(r.path, "{name}", "t")
	var body io.Reader
	switch {
	case r.id == "tap":
		path += "?edge=a"
	case r.body != nil:
		body = strings.NewReader(`{"verb":"activate"}`)
	case r.bodyType != "":
		body = strings.NewReader("code")
		path += "?file=topology.yaml&timeout=1m&drain=1s"
	}
	req, err := http.NewRequestWithContext(t.Context(), r.method, url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(Header, "1")
	req.Header.Set("Authorization", "Bearer "+token)
	if r.bodyType != "" {
		req.Header.Set("Content-Type", r.bodyType)
	}
	answer, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// client returns one whose connections end with the test.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// Every route, as each role: who may not is told so, as a problem, and nothing happens.
func TestRolesOfRoutes(t *testing.T) {
	t.Parallel()
	r, url, logged := serve(t, here)
	tokens := map[Role]string{Viewer: testToken + roleToken(Viewer), Operator: testToken + roleToken(Operator), Admin: testToken}
	for _, route := range (&handler{}).routes() {
		for role, token := range tokens {
			r.take()
			answer := request(t, url, route, token)
			may := role.May(route.role)
			switch {
			case may && answer.StatusCode != http.StatusOK:
				t.Errorf("%s %s by %s: %s", route.method, route.path, role, answer.Status)
			case !may:
				var p problem
				if err := json.NewDecoder(answer.Body).Decode(&p); err != nil || answer.StatusCode != http.StatusForbidden || answer.Header.Get("Content-Type") != problemType {
					t.Errorf("%s %s by %s: %s, %v", route.method, route.path, role, answer.Status, err)
				} else if p.Status != 403 || p.Title != "Forbidden" || p.Code != CodeForbidden || !strings.Contains(p.Text, string(role)) {
					t.Errorf("the problem is %+v", p)
				}
				// The feed of an event stream that was just left may be at its last look.
				looks := []string{"status t", "figures t", "errors t", "cluster", "list"}
				if calls := slices.DeleteFunc(r.take(), func(c string) bool { return slices.Contains(looks, c) }); len(calls) > 0 {
					t.Errorf("%s %s by %s did %v", route.method, route.path, role, calls)
				}
			}
			answer.Body.Close()
		}
	}
	// A line for each change that was carried out: two of an operator's kind, one of an admin's.
	if n := logged.count("msg=audit"); n != 3 {
		t.Errorf("%d lines of audit:\n%s", n, logged.buf.String())
	}
	if logged.count("change=activate topology=t role=operator from=127.0.0.1") != 1 || logged.count("change=deploy topology=t role=admin") != 1 {
		t.Errorf("the audit says:\n%s", logged.buf.String())
	}
	if n := logged.count("msg=refused"); n != 3 {
		t.Errorf("%d refusals are in the log", n)
	}
}

// roleToken is what follows the admin's token in those of others, in tests.
func roleToken(r Role) string { return " of the " + string(r) }

func TestRolesInOrder(t *testing.T) {
	t.Parallel()
	for i, r := range Roles {
		for j, need := range Roles {
			if r.May(need) != (i >= j) {
				t.Errorf("%s may what needs %s: %v", r, need, r.May(need))
			}
		}
		if Role("").May(r) || Role("root").May(r) {
			t.Errorf("nobody may what needs %s", r)
		}
	}
	if !slices.Equal(Roles, []Role{Viewer, Operator, Admin}) {
		t.Error(Roles)
	}
}
