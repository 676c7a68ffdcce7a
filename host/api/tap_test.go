package api

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/polybolt/polybolt/host/topology"
)

func TestTapTravels(t *testing.T) {
	t.Parallel()
	r, at, _ := serve(t, here)
	c, err := NewClient([]string{at}, testToken)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	q := TapQuery{Topology: "t", From: "a", Stream: "s", To: "b", Where: `x == "ä&b" and y > 1`, Sample: 0.01, Fields: []string{"x", "y,z"}, Limit: 3, For: time.Minute}
	var got []TapEvent
	if err := c.Tap(t.Context(), q, func(e TapEvent) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Tuple == nil || string(got[0].Tuple.Values) != `{"z":1,"a":2}` || got[1].Counts.Passed != 2 {
		t.Errorf("%+v", got)
	}
	if calls := r.take(); len(calls) != 1 || !strings.Contains(calls[0], `From:a Stream:s To:b Where:x == "ä&b" and y > 1 Sample:0.01 Fields:[x y,z] Limit:3 For:1m0s`) {
		t.Errorf("%v", calls)
	}
	v, err := url.ParseQuery(q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParseTapQuery("t", v); err != nil || cmp.Diff(q, again) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(q, again))
	}
}

const tapped = `
name: t
spouts:
  lines:
    command: [cat]
    output: [line]
bolts:
  split:
    command: [cat]
    inputs: [lines]
    output: {default: [word], rest: [line, why]}
  count:
    command: [cat]
    inputs: [split]
`

func TestTapQueriesAreChecked(t *testing.T) {
	t.Parallel()
	top, err := topology.Load("topology.yaml", []byte(tapped))
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"edge=split->count":                        "",
		"edge=split→count":                         "",
		"edge=split":                               "",
		"edge=split:rest&field=why":                "",
		"edge=split:default->count&where=word<'b'": "",
		"edge=":                         "is no edge",
		"edge=split->":                  "is no edge",
		"edge=->count":                  "is no edge",
		"edge=split:":                   "is no edge",
		"edge=x":                        `t has no component "x": there are lines, split, count`,
		"edge=split:x":                  `split has no stream "x": there are default, rest`,
		"edge=split->x":                 `t has no component "x"`,
		"edge=lines->count":             "count does not read from lines",
		"edge=split:rest->count":        "count does not read from split:rest",
		"edge=split->count&field=n":     `no field "n": there are word`,
		"edge=split:rest&where=word==1": `no field "word": there are line, why`,
		"edge=split&where=word=1":       "where: column 5: = is no comparison",
		"edge=split&sample=2":           "above 0%, up to 100%",
		"edge=split&sample=0":           "above 0, up to 1",
		"edge=split&sample=NaN":         "above 0%, up to 100%",
		"edge=split&limit=-1":           "must not be negative",
		"edge=split&limit=x":            "limit: write a number",
		"edge=split&for=x":              "for: time: invalid",
		"edge=split&for=-1s":            "must not be negative",
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		q, err := ParseTapQuery("t", v)
		if err == nil {
			err = q.Check(top)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, and not %s", query, err, want)
		}
	}
}

func TestStacksTravel(t *testing.T) {
	t.Parallel()
	r, at, _ := serve(t, here)
	c, err := NewClient([]string{at}, testToken)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for task, want := range map[topology.TaskID]string{0: "stacks t c 0", 3: "stacks t c 3"} {
		list, err := c.Stacks(t.Context(), "t", "c", task)
		if calls := r.take(); err != nil || len(list) != 1 || list[0].Text != "here" || len(calls) != 1 || calls[0] != want {
			t.Errorf("%+v, %v, %v", list, calls, err)
		}
	}
	if _, err := c.Stacks(t.Context(), "t", "c", -1); err == nil || !strings.Contains(err.Error(), "not the number of a task") {
		t.Error(err)
	}
}
