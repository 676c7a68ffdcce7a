package tree

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/polybolt/polybolt/coordinator"
)

// An ACL or a proof of any length would be compared, while all clients wait, with itself.
func TestACLsAndProofsAreBounded(t *testing.T) {
	t.Parallel()
	if _, err := Authenticate(schemeDigest, []byte(strings.Repeat("u", 1<<20)+":secret")); err != AuthFailed {
		t.Errorf("a proof of a megabyte: %v", err)
	}
	acl := make([]ACL, 50_000)
	for i := range acl {
		acl[i] = ACL{coordinator.Read, schemeDigest, fmt.Sprintf("u:%d", i)}
	}
	_, failed := New(1<<30).Commit(Caller{}, time.Now(), []Op{{Kind: coordinator.OpCreate, Path: "/n", ACL: acl}})
	if failed == nil || failed.Code != InvalidACL {
		t.Errorf("an ACL of %d entries: %v", len(acl), failed)
	}
}

// What is counted of a transaction is what is written of it.
func TestSizeOfAChange(t *testing.T) {
	t.Parallel()
	x := Txn{Changes: []Change{
		{Kind: NodeCreated, Path: "/n", Data: []byte("data"), ACL: []ACL{{coordinator.All, schemeWorld, anyone}}},
		{Kind: NodeDeleted, Path: "/other"},
	}}
	size := 8 + 8 + 4
	for i := range x.Changes {
		size += x.Changes[i].size()
	}
	if got := len(x.Append(nil)); got != size {
		t.Errorf("%d bytes, counted %d", got, size)
	}
}
