package api

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// problemsOf returns what keeps a document from being OpenAPI 3.1, as far as
// one of ours could go wrong: the schemas themselves are compiled elsewhere.
func problemsOf(document map[string]any) (bad []string) {
	complain := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	if v, _ := document["openapi"].(string); !strings.HasPrefix(v, "3.1.") {
		complain("the version is %q", v)
	}
	at := func(path ...string) map[string]any {
		m := document
		for _, p := range path {
			m, _ = m[p].(map[string]any)
		}
		return m
	}
	for _, field := range []string{"title", "version"} {
		if text, _ := at("info")[field].(string); text == "" {
			complain("info has no %s", field)
		}
	}
	var walk func(where string, v any)
	walk = func(where string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok && at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...) == nil {
				complain("%s: %s leads nowhere", where, ref)
			}
			for k, x := range v {
				walk(where+"/"+k, x)
			}
		case []any:
			for i, x := range v {
				walk(fmt.Sprint(where, "/", i), x)
			}
		}
	}
	walk("", document)
	security, _ := document["security"].([]any)
	if len(security) == 0 {
		complain("nothing is said of tokens")
	}
	for _, s := range security {
		for scheme := range s.(map[string]any) {
			if at("components", "securitySchemes", scheme) == nil {
				complain("there is no security scheme %s", scheme)
			}
		}
	}
	ids := map[any]bool{}
	for path, item := range at("paths") {
		for method, o := range item.(map[string]any) {
			where, operation := method+" "+path, o.(map[string]any)
			if ids[operation["operationId"]] {
				complain("%s: %v is the id of two operations", where, operation["operationId"])
			}
			ids[operation["operationId"]] = true
			bad = append(bad, problemsOfOperation(where, path, operation)...)
		}
	}
	return bad
}

func problemsOfOperation(where, path string, operation map[string]any) (bad []string) {
	complain := func(format string, args ...any) { bad = append(bad, where+": "+fmt.Sprintf(format, args...)) }
	if id, _ := operation["operationId"].(string); !regexp.MustCompile(`^[a-z][A-Za-z]*$`).MatchString(id) {
		complain("it has the id %q", id)
	}
	if text, _ := operation["summary"].(string); text == "" {
		complain("it has no summary")
	}
	seen := map[string]bool{}
	parameters, _ := operation["parameters"].([]any)
	for _, x := range parameters {
		p := x.(map[string]any)
		key := fmt.Sprint(p["in"], " ", p["name"])
		if seen[key] || p["schema"] == nil || p["in"] == "path" && p["required"] != true || p["in"] != "path" && p["in"] != "query" {
			complain("the parameter %s is none, or is there twice", key)
		}
		seen[key] = true
	}
	for _, m := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(path, -1) {
		if !seen["path "+m[1]] {
			complain("it does not say what %s is", m[0])
		}
		delete(seen, "path "+m[1])
	}
	for key := range seen {
		if strings.HasPrefix(key, "path ") {
			complain("%s is not in its path", key)
		}
	}
	responses, _ := operation["responses"].(map[string]any)
	for _, code := range []string{"200", "default"} {
		r, _ := responses[code].(map[string]any)
		if text, _ := r["description"].(string); text == "" || r["content"] == nil {
			complain("the response %s is not described", code)
		}
	}
	return bad
}

func TestDescriptionIsOpenAPI(t *testing.T) {
	t.Parallel()
	read := func() (document map[string]any) {
		if err := json.Unmarshal(description, &document); err != nil {
			t.Fatal(err)
		}
		return document
	}
	for _, p := range problemsOf(read()) {
		t.Error(p)
	}
	// The rules find what they are for.
	status := func(d map[string]any) map[string]any {
		return d["paths"].(map[string]any)["/v1/topologies/{name}"].(map[string]any)["get"].(map[string]any)
	}
	for want, spoil := range map[string]func(d map[string]any){
		"the version is":    func(d map[string]any) { d["openapi"] = "2.0" },
		"info has no title": func(d map[string]any) { delete(d["info"].(map[string]any), "title") },
		"leads nowhere": func(d map[string]any) {
			delete(d["components"].(map[string]any)["schemas"].(map[string]any), "Outcome")
		},
		"there is no security scheme":    func(d map[string]any) { delete(d["components"].(map[string]any), "securitySchemes") },
		"nothing is said of tokens":      func(d map[string]any) { delete(d, "security") },
		"is the id of two operations":    func(d map[string]any) { status(d)["operationId"] = "list" },
		"it has the id \"a b\"":          func(d map[string]any) { status(d)["operationId"] = "a b" },
		"it has no summary":              func(d map[string]any) { delete(status(d), "summary") },
		"it does not say what {name} is": func(d map[string]any) { delete(status(d), "parameters") },
		"the response default is not":    func(d map[string]any) { delete(status(d)["responses"].(map[string]any), "default") },
		"path other is not in its path": func(d map[string]any) {
			status(d)["parameters"] = append(status(d)["parameters"].([]any), map[string]any{"name": "other", "in": "path", "required": true, "schema": true})
		},
		"is none, or is there twice": func(d map[string]any) {
			status(d)["parameters"] = append(status(d)["parameters"].([]any), status(d)["parameters"].([]any)...)
		},
	} {
		d := read()
		spoil(d)
		if got := strings.Join(problemsOf(d), "\n"); !strings.Contains(got, want) {
			t.Errorf("%q is not found: %q", want, got)
		}
	}
}
