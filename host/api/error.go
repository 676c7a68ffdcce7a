package api

import (
	"fmt"
	"net/http"
)

// Code tells errors apart, for programs.
type Code string

// The codes. Definite: nothing was done. Indefinite: nobody knows whether it was.
const (
	CodeInvalid      Code = "invalid"      // definite: the request or the topology is wrong
	CodeUnauthorized Code = "unauthorized" // definite: no token, or a wrong one
	CodeForbidden    Code = "forbidden"    // definite: it may not come from there
	CodeNotFound     Code = "not_found"    // definite
	CodeConflict     Code = "conflict"     // definite: another change is under way
	CodeTooLarge     Code = "too_large"    // definite
	CodeRefused      Code = "refused"      // definite: there is no room for it
	CodeBusy         Code = "busy"         // definite: too many ask at once: try again
	CodeUndecided    Code = "undecided"    // definite: who decides about rights does not answer
	CodeNoLeader     Code = "no_leader"    // definite: no nimbus leads at the moment
	CodeUnreachable  Code = "unreachable"  // definite: no nimbus answers; only a client says so
	CodeUnavailable  Code = "unavailable"  // indefinite: ZooKeeper or the leader did not answer in time
	CodeInternal     Code = "internal"     // indefinite: a defect
)

var statuses = map[Code]int{
	CodeInvalid:      http.StatusBadRequest,
	CodeUnauthorized: http.StatusUnauthorized,
	CodeForbidden:    http.StatusForbidden,
	CodeNotFound:     http.StatusNotFound,
	CodeConflict:     http.StatusConflict,
	CodeTooLarge:     http.StatusRequestEntityTooLarge,
	CodeRefused:      http.StatusUnprocessableEntity,
	CodeBusy:         http.StatusServiceUnavailable,
	CodeUndecided:    http.StatusServiceUnavailable,
	CodeNoLeader:     http.StatusServiceUnavailable,
	CodeUnreachable:  http.StatusServiceUnavailable,
	CodeUnavailable:  http.StatusGatewayTimeout,
	CodeInternal:     http.StatusInternalServerError,
}

// Error is a failure as it travels.
type Error struct {
	Code Code   `json:"code"`
	Text string `json:"detail"` // says what to do next
}

// problemType is the type of an answer that is an error.
const problemType = "application/problem+json"

// problem is an Error as RFC 9457 wants it. It has no type of its own: the code
// tells errors apart.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	*Error
}

// Error returns the text.
func (e *Error) Error() string { return e.Text }

// Definite tells whether the request certainly was not carried out.
func (e *Error) Definite() bool { return e.Code != CodeUnavailable && e.Code != CodeInternal }

// Passing tells whether the same request may go well in a while: nimbuses change.
func (e *Error) Passing() bool {
	return e.Code == CodeNoLeader || e.Code == CodeUnreachable || e.Code == CodeUnavailable
}

// Errorf makes an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{code, fmt.Sprintf(format, args...)}
}
