package embedded

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

// Whatever a client makes of a request, what was written of it can be read back.
// An ACL "auth" stands for all its identities: a few bytes become many.
func TestNoTransactionIsTooLargeToReadBack(t *testing.T) {
	t.Parallel()
	by := tree.Caller{Session: 1}
	for i := range maxIdentities {
		id, err := tree.Authenticate("digest", []byte(fmt.Sprint(i)+strings.Repeat("u", 4000)+":secret"))
		must(t, err)
		by.Identities = append(by.Identities, id)
	}
	state := tree.New(testLimit)
	folder := newMemoryFolder()
	j := &journal{folder: folder}
	write := func(out tree.Outcome) { must(t, j.append(out.Txn.Zxid, out.Txn.Append(nil))) }
	write(state.OpenSession(time.Now(), 1, time.Second, nil))
	var all []tree.ACL
	for rights := range coordinator.All {
		all = append(all, tree.ACL{Rights: rights + 1, Scheme: "auth"})
	}
	for _, n := range []int{1, 3, 20} {
		ops := make([]tree.Op, n)
		for i := range ops {
			ops[i] = tree.Op{Kind: coordinator.OpCreate, Path: fmt.Sprintf("/n%d-%d", n, i), ACL: all}
		}
		out, failed := state.Commit(by, time.Now(), ops)
		switch {
		case failed == nil:
			write(out)
		case failed.Code != tree.QuotaExceeded || n < 20:
			t.Errorf("%d nodes: %v", n, failed)
		}
	}
	out, failed := state.Commit(by, time.Now(), []tree.Op{{Kind: coordinator.OpCreate, Path: "/last", ACL: []tree.ACL{{Rights: coordinator.All, Scheme: "world", ID: "anyone"}}}})
	if failed != nil {
		t.Fatal(failed)
	}
	write(out)
	_, again, err := recoverJournal(folder, testLimit)
	must(t, err)
	if _, err := again.Exists(by, "/last"); err != nil {
		t.Error(err)
	}
	_, err = writeSnapshot(folder, state.Snapshot())
	must(t, err)
	_, again, err = recoverJournal(folder, testLimit)
	must(t, err)
	names, _, err := again.Children(by, "/")
	if want, _, _ := state.Children(by, "/"); err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v, want %q", names, err, want)
	}
}
