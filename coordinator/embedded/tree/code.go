package tree

import "fmt"

// Code is an error of ZooKeeper's, by its number on the wire. All are definite:
// nothing was changed.
type Code int32

// The codes that a tree answers with, and those that a server of it needs.
const (
	RuntimeInconsistency Code = -2 // in a multi: not tried, because an earlier op does not hold
	Unimplemented        Code = -6
	BadArguments         Code = -8
	NoNode               Code = -101
	NoAuth               Code = -102
	BadVersion           Code = -103
	EphemeralParent      Code = -108
	NodeExists           Code = -110
	NotEmpty             Code = -111
	SessionExpired       Code = -112
	InvalidACL           Code = -114
	AuthFailed           Code = -115
	QuotaExceeded        Code = -125
)

var codeTexts = map[Code]string{
	RuntimeInconsistency: "not tried",
	Unimplemented:        "not implemented",
	BadArguments:         "bad arguments",
	NoNode:               "no node",
	NoAuth:               "not permitted",
	BadVersion:           "another version",
	EphemeralParent:      "parent is ephemeral",
	NodeExists:           "node exists",
	NotEmpty:             "node has children",
	SessionExpired:       "session expired",
	InvalidACL:           "invalid ACL",
	AuthFailed:           "authentication failed",
	QuotaExceeded:        "tree is full",
}

// Error names the code.
func (c Code) Error() string {
	if text, ok := codeTexts[c]; ok {
		return text
	}
	return fmt.Sprintf("error %d", int32(c))
}
