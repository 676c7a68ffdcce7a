// Command authorizer is an authorizer plugin: some topologies belong to some
// people, and only they may change these. A file says whose they are, by the
// beginning of topologies' names:
//
//	{"payments-": ["alice", "bob"]}
//
// People are known by their certificates (docs/operations.md). All else is as
// roles have it, and whoever has the admin's token may do everything. Build it,
// and start nimbus with
//
//	polybolt nimbus --authorizer ./authorizer,/etc/polybolt/owners.json …
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/plugin"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "give the file that says to whom topologies belong")
		os.Exit(2)
	}
	plugin.ServeAuthorizer(&owners{file: os.Args[1]})
}

// owners is the file. It is read for each question, so that a change of it
// counts at once; what cannot be read allows nothing.
type owners struct{ file string }

// Authorize implements [api.Authorizer].
func (o *owners) Authorize(ctx context.Context, q api.Question) error {
	if err := (api.ByRole{}).Authorize(ctx, q); err != nil {
		return err
	}
	if q.Needs == api.Viewer || q.Topology == "" || q.Who == "" && q.Role == api.Admin {
		return nil
	}
	text, err := os.ReadFile(o.file)
	if err != nil {
		return err
	}
	var people map[string][]string // by the beginning of names
	if err := json.Unmarshal(text, &people); err != nil {
		return fmt.Errorf("%s: %w", o.file, err)
	}
	for prefix, list := range people {
		if strings.HasPrefix(string(q.Topology), prefix) && !slices.Contains(list, q.Who) {
			return api.Errorf(api.CodeForbidden, "%s belongs to %s: ask them", q.Topology, strings.Join(list, ", "))
		}
	}
	return nil
}
