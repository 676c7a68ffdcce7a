package topology

import (
	"strings"
	"testing"
)

// TestInspect tests which argument is taken for the script. The command is split at blanks.
func TestInspect(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]invocation{
		"python3 x.py":                             {python: true, script: 1},
		"python3 -u -B x.py -I":                    {python: true, script: 3},
		"/opt/py/bin/python3.12 -W ignore x.py":    {python: true, script: 3},
		"python -Wignore -X dev x":                 {python: true, script: 4},
		"python -c print() x.py":                   {python: true},
		"python -uc print() x.py":                  {python: true},
		"python -m app.bolt x.py":                  {python: true, module: "app.bolt", moduleAt: 2},
		"python -umapp.bolt":                       {python: true, module: "app.bolt", moduleAt: 1},
		"python -":                                 {python: true},
		"python":                                   {python: true},
		"python -m":                                {python: true, moduleAt: 1},
		"python -I x.py":                           {python: true, hides: 1, script: 2},
		"python -sE -m app":                        {python: true, hides: 1, module: "app", moduleAt: 3},
		"python -S -s x.py":                        {python: true, script: 3},
		"python -W -I x.py":                        {python: true, script: 3}, // -I is the value of -W
		"python --check-hash-based-pycs never a b": {python: true, script: 3},
		"pypy3 x.py":                               {python: true, script: 1},
		"env -i A=1 python3 x.py":                  {python: true, script: 4},
		"uv run --with requests python -I x.py":    {python: true, hides: 5, script: 6},
		"uv run x.py":                              {script: 2},
		"nice -n 5 node x.js":                      {script: 4},
		"node x.mjs x.js":                          {script: 1},
		"node -r ./a.js --import b --enable-x c":   {script: 6},
		"nodejs -- x.js":                           {script: 2},
		"node -e 1 x.js":                           {},
		"node":                                     {},
		"deno run -A x.ts":                         {script: 3},
		"deno run https://example.com/x.ts":        {},
		"bun x.ts":                                 {script: 1},
		"bash -c true":                             {},
		"sh run.sh":                                {script: 1},
		"ruby -I lib x.rb":                         {script: 3},
		"mytool x.py python y.py":                  {}, // an unknown program names its arguments as it likes
		"./run.py x.py":                            {},
	} {
		if got := inspect(strings.Fields(command)); got != want {
			t.Errorf("inspect(%s) = %+v, want %+v", command, got, want)
		}
	}
}
