package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/polybolt/polybolt/host/topology"
)

// SupervisorID names a supervisor for as long as its data folder lives: 12
// lower-case hexadecimal digits.
type SupervisorID string

// Incarnation names one process of a worker or a nimbus: 16 lower-case
// hexadecimal digits, chosen at random when it starts.
type Incarnation string

// NewSupervisorID returns an id that nobody has.
func NewSupervisorID() SupervisorID { return SupervisorID(randomHex(6)) }

// NewIncarnation returns a name that no process has had.
func NewIncarnation() Incarnation { return Incarnation(randomHex(8)) }

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

// Uint64 returns the incarnation as links carry it; 0 if it has not its form.
func (i Incarnation) Uint64() uint64 {
	n, err := strconv.ParseUint(string(i), 16, 64)
	if err != nil || i.Validate() != nil {
		return 0
	}
	return n
}

// Validate returns an error unless the id has its form.
func (id SupervisorID) Validate() error { return checkHex("supervisor id", string(id), 12) }

// Validate returns an error unless the name has its form.
func (i Incarnation) Validate() error { return checkHex("incarnation", string(i), 16) }

func checkHex(what, s string, digits int) error {
	if len(s) != digits || strings.Trim(s, "0123456789abcdef") != "" {
		return fmt.Errorf("%s %.40q is not %d lower-case hexadecimal digits", what, s, digits)
	}
	return nil
}

// RunID names one run of a topology: a version of its code with a parallelism,
// brought up once. Number grows with every run of the topology and is never
// used again.
type RunID struct {
	Topology topology.Name
	Number   int
}

// String returns TOPOLOGY.NUMBER; a topology's name holds no dot.
func (r RunID) String() string { return fmt.Sprintf("%s.%d", r.Topology, r.Number) }

// MarshalText implements [encoding.TextMarshaler] with the form of String.
func (r RunID) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (r *RunID) UnmarshalText(text []byte) error {
	name, number, _ := strings.Cut(string(text), ".")
	n, err := parseNumber(number, maxSerial)
	if err != nil {
		return fmt.Errorf("%.100q does not name a run, which is TOPOLOGY.NUMBER: %w", text, err)
	}
	*r = RunID{topology.Name(name), n}
	return r.Validate()
}

// Validate returns an error unless the id has its form.
func (r RunID) Validate() error {
	if !validName(string(r.Topology)) || r.Number < 1 || r.Number > maxSerial {
		return fmt.Errorf("%.100q does not name a run", r.String())
	}
	return nil
}

// Place is where a worker process lives: a slot of a supervisor. A slot has
// [Lanes] lanes, so that a new run can start beside the old one in the same slot.
type Place struct {
	Supervisor SupervisorID
	Slot       int // from 0
	Lane       int // from 0
}

// Lanes is how many workers a slot holds while one run takes over from
// another; at other times it holds one.
const Lanes = 2

// MaxSlots bounds the slots of one supervisor.
const MaxSlots = 1024

// maxSerial bounds version and run numbers.
const maxSerial = 1<<31 - 1

// String returns SUPERVISOR.SLOT.LANE.
func (p Place) String() string { return fmt.Sprintf("%s.%s", p.Supervisor, p.Local()) }

// Local returns SLOT.LANE, which names the place on its machine.
func (p Place) Local() string { return fmt.Sprintf("%d.%d", p.Slot, p.Lane) }

// ParseLocal reads what Local returns.
func ParseLocal(supervisor SupervisorID, local string) (Place, error) {
	slot, lane, _ := strings.Cut(local, ".")
	s, err := parseNumber(slot, MaxSlots-1)
	if err == nil {
		var l int
		if l, err = parseNumber(lane, Lanes-1); err == nil {
			return Place{supervisor, s, l}, supervisor.Validate()
		}
	}
	return Place{}, fmt.Errorf("%.40q does not name a slot and a lane: %w", local, err)
}

// MarshalText implements [encoding.TextMarshaler] with the form of String.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Place) UnmarshalText(text []byte) (err error) {
	id, local, _ := strings.Cut(string(text), ".")
	*p, err = ParseLocal(SupervisorID(id), local)
	return err
}

// Validate returns an error unless the place can exist.
func (p Place) Validate() error {
	if p.Slot < 0 || p.Slot >= MaxSlots || p.Lane < 0 || p.Lane >= Lanes {
		return fmt.Errorf("there is no slot %d with a lane %d", p.Slot, p.Lane)
	}
	return p.Supervisor.Validate()
}

// Compare orders places by supervisor, slot and lane.
func (p Place) Compare(q Place) int {
	if c := strings.Compare(string(p.Supervisor), string(q.Supervisor)); c != 0 {
		return c
	}
	if p.Slot != q.Slot {
		return p.Slot - q.Slot
	}
	return p.Lane - q.Lane
}

// parseNumber reads a number as String writes it: no sign, no leading zero.
func parseNumber(s string, limit int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > limit || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("%.20q is not a number from 0 to %d", s, limit)
	}
	return n, nil
}

// validName tells whether s has the form of a topology's or component's name.
func validName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '_' && r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
