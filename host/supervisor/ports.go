package supervisor

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/polybolt/polybolt/host/cluster"
	"github.com/polybolt/polybolt/host/slot"
)

// ports are the data ports of the slots, kept for their workers while the
// supervisor lives.
type ports struct {
	of   []cluster.Ports
	kept []*slot.Port
}

// keepPorts keeps the ports of the slots at an address: those that the file
// in the folder says, so that peers find workers where they were, and free ones for slots
// that it does not know. A port that somebody else has taken while no supervisor was here is replaced, which moved tells of.
func keepPorts(dir, address string, slots int, moved func(slot, from, to int)) (*ports, error) {
	file := filepath.Join(dir, "ports.json")
	known, err := readPorts(file)
	if err != nil {
		return nil, err
	}
	p := &ports{of: slices.Clone(known)}
	if len(p.of) < slots {
		p.of = append(p.of, make([]cluster.Ports, slots-len(p.of))...)
	}
	p.of = p.of[:slots]
	for i := range p.of {
		for lane, was := range p.of[i] {
			number, err := p.keep(address, was)
			if err != nil {
				p.close()
				return nil, err
			}
			if was != 0 && was != number {
				moved(i, was, number)
			}
			p.of[i][lane] = number
		}
	}
	all := slices.Clone(p.of)
	if len(known) > slots {
		all = append(all, known[slots:]...) // for when they are wanted again
	}
	if slices.Equal(all, known) {
		return p, nil
	}
	b, err := json.Marshal(all)
	if err == nil {
		err = replaceFile(file, b)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func readPorts(file string) (known []cluster.Ports, err error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &known); err != nil {
		return nil, fmt.Errorf("%s: %w: remove the file when no worker of this folder runs", file, err)
	}
	return known, nil
}

// keep keeps a port, another if somebody has it, any if it is 0, and returns its number.
func (p *ports) keep(address string, number int) (int, error) {
	kept, err := slot.KeepPort(address, number)
	if number != 0 && errors.Is(err, syscall.EADDRINUSE) {
		kept, err = slot.KeepPort(address, 0)
	}
	if err != nil {
		return 0, fmt.Errorf("a port for workers to listen on: %w", err)
	}
	p.kept = append(p.kept, kept)
	return kept.Number, nil
}

func (p *ports) close() {
	for _, kept := range p.kept {
		_ = kept.Close() // a socket that was never used
	}
}

// listenAt returns the address that workers listen on.
func (o *Options) listenAt() string { return cmp.Or(o.Spec.Bind, o.Address) }
