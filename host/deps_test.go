package host

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/polybolt/polybolt/"

// edges are the imports that the code, tests aside, may have among our own
// packages, each with its reason. What is not here is refused; what is here and
// nobody has is refused too. Roles never import roles.
var edges = map[string]map[string]string{
	// The composition root, and what stands above it.
	"cmd/polybolt": {
		"host/crash":         "says how daemons end",
		"host":               "commands run roles through the composition root",
		"host/api":           "clients speak the API",
		"host/blob":          "deploy packs the folder",
		"host/metrics":       "status and top sum up latencies",
		"host/plainjson":     "what --json prints",
		"host/topology":      "the vocabulary",
		"host/topology/flux": "what placeholders of Storm's files stand for",
		"host/worker":        "run shows the engine's figures",
		"multilang":          "version names the protocol's",
		"multilang/judge":    "check judges programs",
		"shells":             "a guardian's main, the SDKs",
	},
	"host": {
		"host/crash":           "guards its goroutines, and says how a worker ends",
		"coordinator":          "the type of a session",
		"coordinator/embedded": "the coordinator of dev",
		"coordinator/zk":       "opens the session that roles share",
		"host/api":             "serves it",
		"host/blob":            "limits of bundles in the daemons' options",
		"host/cluster":         "wraps the session for the roles",
		"host/logview":         "a role",
		"host/mesh":            "joins the engines of a run's workers",
		"host/nimbus":          "a role",
		"host/plainjson":       "a tapped tuple's values, in the order of its fields",
		"host/plugin":          "scheduler, authorizer and sink in processes of their own, for nimbus",
		"host/scheduler":       "what decides, a plugin or not",
		"host/sink":            "tells of a cluster elsewhere",
		"host/process":         "a role",
		"host/slot":            "a worker reads its spec",
		"host/transport":       "tells why a link was refused",
		"multilang":            "limits of messages",
		"host/supervisor":      "a role",
		"host/ui":              "the page beside the API",
		"host/topology":        "the vocabulary",
		"host/topology/flux":   "reads Storm's form of it",
		"host/worker":          "the engine",
		"shells":               "opens the SDKs",
	},
	// Roles.
	"host/plugin": {
		"host/crash":     "guards its goroutines",
		"host/api":       "asks a plugin what the API asks",
		"host/scheduler": "asks a plugin what it would answer, and answers itself when that fails",
		"host/sink":      "hands a plugin what the reporter delivers",
	},
	"host/plugin/example/authorizer": {
		"host/api":    "answers its questions",
		"host/plugin": "is a plugin",
	},
	"host/plugin/example/scheduler": {
		"host/plugin":    "is a plugin",
		"host/scheduler": "answers its problems",
	},
	"host/plugin/example/sink": {
		"host/plugin": "is a plugin",
		"host/sink":   "takes its deliveries",
	},
	"host/sink": {
		"host/api":      "asks the service for figures and errors",
		"host/crash":    "guards its goroutines",
		"host/metrics":  "figures are those of the page",
		"host/topology": "the vocabulary",
	},
	"host/nimbus": {
		"host/crash":     "guards its goroutines",
		"host/api":       "is the service behind it",
		"host/blob":      "checks bundles",
		"host/cluster":   "reads and writes what the coordinator holds",
		"host/scheduler": "asks it where tasks go",
		"host/topology":  "the vocabulary",
	},
	"host/logview": {
		"host/crash":    "guards its goroutines",
		"host/flock":    "one at a time has a machine's folder",
		"host/api":      "what it serves, and the guard before it",
		"host/metrics":  "writes figures for Prometheus",
		"host/cluster":  "says where it is",
		"host/slot":     "the files that workers leave",
		"host/topology": "the vocabulary",
		"shells":        "how a guardian says what became of a worker",
	},
	"host/process": {
		"host/crash":    "guards its goroutines",
		"host/flock":    "one at a time has a place's folder",
		"host/api":      "figures as they travel",
		"host/cluster":  "reads what its run is to do, tells how it goes",
		"host/metrics":  "writes figures for Prometheus",
		"host/slot":     "answers at the slot's socket",
		"host/topology": "the vocabulary",
	},
	"host/supervisor": {
		"host/crash":   "guards its goroutines",
		"host/flock":   "one at a time has a folder; whether a log server has one",
		"host/blob":    "unpacks bundles",
		"host/cluster": "reads what is to run",
		"host/slot":    "speaks with workers",
		"shells":       "starts workers under guardians",
	},
	"host/worker": {
		"host/crash":      "guards its goroutines",
		"host/acker":      "tracks trees",
		"host/filter":     "what a tap is to show",
		"host/metrics":    "keeps histograms of what rows take",
		"host/plainjson":  "dead tuples and culprits, as people read them",
		"host/stream":     "moves rows",
		"host/topology":   "the vocabulary",
		"multilang":       "speaks with children",
		"multilang/storm": "speaks with children written for Storm",
		"shells":          "starts children",
	},
	"host/ui": {},
	// Contracts and seams.
	"host/api": {"host/crash": "guards its goroutines", "host/filter": "checks conditions before they travel", "host/metrics": "writes figures for Prometheus", "host/plainjson": "answers in it", "host/topology": "the vocabulary"},
	"host/cluster": {
		"host/crash":    "guards its goroutines",
		"coordinator":   "the only package besides the composition root that knows it",
		"host/blob":     "a bundle's name is its hash",
		"host/topology": "the vocabulary",
	},
	"host/slot": {
		"host/crash":   "guards its goroutines",
		"host/api":     "figures as they travel",
		"host/cluster": "names of runs, places and incarnations",
	},
	"host/transport": {"host/crash": "guards its goroutines"},
	"host/mesh":      {"host/crash": "guards its goroutines", "host/topology": "the vocabulary", "host/transport": "the links", "host/worker": "makes its plans, moves its messages"},
	// Algorithms and vocabulary.
	"host/acker":         {},
	"host/blob":          {},
	"host/crash":         {},
	"host/flock":         {},
	"host/filter":        {"multilang": "the values that it compares"},
	"host/metrics":       {},
	"host/plainjson":     {},
	"host/scheduler":     {},
	"host/topology":      {},
	"host/topology/flux": {"host/topology": "turns Flux into its native form"},
	"host/stream": {
		"host/acker":    "roots and edges travel with rows",
		"host/topology": "the vocabulary",
		"multilang":     "columns and values",
	},
	"multilang":                 {},
	"multilang/judge":           {"multilang": "judges a child that speaks it", "multilang/storm": "judges a child written for Storm"},
	"multilang/storm/stormtest": {"tools/fetch": "keeps what it fetches"},
	"multilang/storm":           {"multilang": "adapts Storm's protocol to it"},
	"shells":                    {"host/crash": "guards its goroutines"},
	// The coordinator.
	"coordinator":               {},
	"coordinator/zk":            {"coordinator": "implements its Store", "host/crash": "guards its goroutines"},
	"coordinator/embedded/jute": {},
	"coordinator/embedded/tree": {"coordinator": "limits and errors of the contract", "coordinator/embedded/jute": "requests and replies"},
	"coordinator/embedded":      {"host/crash": "guards its goroutines", "host/flock": "one server at a time has a folder", "coordinator": "limits of the contract", "coordinator/embedded/jute": "the wire", "coordinator/embedded/tree": "its state"},
	// What only tests and tools use.
	"coordinator/coordinatortest": {
		"coordinator": "the contract that it checks", "coordinator/coordinatortest/faultproxy": "faults",
		"coordinator/embedded": "one of its subjects", "coordinator/zk": "the client of both",
	},
	"coordinator/coordinatortest/faultproxy":    {},
	"coordinator/coordinatortest/zookeepertest": {"tools/fetch": "keeps what it fetches"},
	"multilang/multilangtest":                   {"multilang": "speaks it"},
	"host/metrics/metricstest":                  {},
	"host/scheduler/schedulertest":              {"host/scheduler": "the contract that it checks"},
	"host/api/authorizertest":                   {"host/api": "the contract that it checks", "host/crash": "guards goroutines", "host/topology": "the vocabulary"},
	"host/sink/sinktest":                        {"host/sink": "the contract that it checks"},
	"host/hosttest": {
		"coordinator/coordinatortest/zookeepertest": "a real ZooKeeper",
		"host/api":  "asks nimbus",
		"host/slot": "asks workers, also when nobody else is there",
	},
	"bench": {
		"coordinator/coordinatortest/zookeepertest": "the coordinator of a cluster that is measured",
		"host/hosttest": "starts its daemons",
		"multilang":     "speaks with children", "multilang/multilangtest": "components in Go", "multilang/storm/stormtest": "the libraries of components written for Storm",
	},
	"tools/fetch":     {},
	"tools/program":   {},
	"tools/smalldisk": {},
	"tools/zookeeper": {"coordinator/coordinatortest/zookeepertest": "starts one by hand"},
}

// reserved says who alone may import what is not ours, tests included: a
// prefix of the import, and the packages.
var reserved = map[string][]string{
	"github.com/go-zookeeper/zk":      {"coordinator/zk"},
	"github.com/hashicorp/go-plugin":  {"host/plugin"},
	"github.com/spf13/cobra":          {"cmd/polybolt"},
	"github.com/spf13/viper":          {"cmd/polybolt"}, // never for topologies: it lower-cases keys
	"github.com/jedib0t/go-pretty":    {"cmd/polybolt"},
	"github.com/klauspost/compress":   {"host/blob", "host/cluster"},
	"github.com/vmihailenco/msgpack":  {"multilang"},
	"go.yaml.in/yaml":                 {"host/topology", "host/topology/flux", "cmd/polybolt"},
	"github.com/invopop/jsonschema":   {"host/topology", "host/api"},
	"github.com/santhosh-tekuri/":     {"host/topology", "host/api"},
	"github.com/HdrHistogram/":        {}, // host/metrics has fixed buckets, which add up over workers
	"github.com/cespare/xxhash":       {"multilang"},
	"go.etcd.io/bbolt":                {},
	"github.com/prometheus/":          {},
	"github.com/danielgtaylor/huma":   {},
	"net/rpc":                         {},
	"log":                             {}, // slog is injected
	"io/ioutil":                       {},
	"math/rand":                       {}, // math/rand/v2
	"github.com/stretchr/testify":     {},
	"golang.org/x/sync":               {},
	"github.com/rogpeppe/go-internal": {"cmd/polybolt"},
}

// starters are the packages besides shells that may import os/exec, with the reason.
var starters = map[string]string{
	"cmd/polybolt":    "runs itself once more under a guardian: shells starts it",
	"host":            "builds the command line of workers: shells starts them",
	"host/supervisor": "hands that command line to shells, and starts the log server",
	"host/hosttest":   "starts daemons for tests",
	"host/plugin":     "go-plugin starts what it is given; a plugin is part of the cluster, not user code",
	"coordinator/coordinatortest/zookeepertest": "starts a ZooKeeper for tests",
	"bench":         "starts what it measures",
	"tools/fetch":   "runs package managers for tests",
	"tools/program": "starts what a test names",
}

// imports lists what each package imports; with tests, what only its tests do.
func imports(t *testing.T) (code, tests map[string]map[string]bool) {
	t.Helper()
	code, tests = map[string]map[string]bool{}, map[string]map[string]bool{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && name != "..") {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		into := code
		if strings.HasSuffix(name, "_test.go") {
			into = tests
		}
		pkg := path.Dir(filepath.ToSlash(strings.TrimPrefix(file, "../")))
		if into[pkg] == nil {
			into[pkg] = map[string]bool{}
		}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			into[pkg][p] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return code, tests
}

func TestImportsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	code, _ := imports(t)
	for _, pkg := range slices.Sorted(maps.Keys(code)) {
		allowed, known := edges[pkg]
		if !known {
			t.Errorf("package %s is not in the table: say what it may import, and why", pkg)
			continue
		}
		for p := range code[pkg] {
			ours, isOurs := strings.CutPrefix(p, module)
			if isOurs && allowed[ours] == "" {
				t.Errorf("%s imports %s, which the table does not allow", pkg, ours)
			}
		}
		for ours := range allowed {
			if !code[pkg][module+ours] {
				t.Errorf("the table allows %s to import %s, and it does not: take that out", pkg, ours)
			}
		}
	}
	for pkg := range edges {
		if code[pkg] == nil {
			t.Errorf("the table has %s, which is not there", pkg)
		}
	}
}

func TestImportsFromElsewhere(t *testing.T) {
	t.Parallel()
	code, tests := imports(t)
	for _, set := range []map[string]map[string]bool{code, tests} {
		for pkg, list := range set {
			for p := range list {
				for prefix, who := range reserved {
					hit := p == prefix || strings.HasPrefix(p, strings.TrimSuffix(prefix, "/")+"/")
					if hit && !slices.Contains(who, pkg) && p != "log/slog" && p != "math/rand/v2" {
						t.Errorf("%s imports %s, which only %v may", pkg, p, who)
					}
				}
			}
		}
	}
	for pkg, list := range code {
		if list["os/exec"] && pkg != "shells" && starters[pkg] == "" {
			t.Errorf("%s imports os/exec: only shells starts processes", pkg)
		}
	}
}
