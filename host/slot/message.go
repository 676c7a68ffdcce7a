package slot

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/polybolt/polybolt/host/api"
	"github.com/polybolt/polybolt/host/cluster"
)

// maxLine bounds a message, in bytes: figures of some thousand tasks.
const maxLine = 8 << 20

// writeTimeout bounds the sending of a message: nobody waits for one who does not read.
const writeTimeout = 5 * time.Second

// What can be asked.
const (
	askWho     = "who"
	askFigures = "figures"
	askStop    = "stop"
)

type question struct {
	Ask   string `json:"ask"`
	Nonce uint64 `json:"nonce"`
}

type answer struct {
	Nonce   uint64             `json:"nonce"`
	Who     *Identity          `json:"who,omitempty"`
	Figures *api.WorkerFigures `json:"figures,omitempty"`
	Err     string             `json:"err,omitempty"`
}

// Identity is what a worker says it is.
type Identity struct {
	Run         cluster.RunID       `json:"run"`
	Place       cluster.Place       `json:"place"`
	Incarnation cluster.Incarnation `json:"incarnation"`
	Started     time.Time           `json:"started"`
}

// wire reads and writes messages on a connection.
type wire struct {
	conn *net.UnixConn
	in   *bufio.Scanner
}

func newWire(conn *net.UnixConn) *wire {
	in := bufio.NewScanner(conn)
	in.Buffer(make([]byte, 0, 1024), maxLine)
	return &wire{conn, in}
}

func (w *wire) write(message any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err = w.conn.Write(append(line, '\n'))
	return err
}

var errHungUp = errors.New("the other side hung up")

func (w *wire) read(into any) error {
	if !w.in.Scan() {
		if err := w.in.Err(); err != nil {
			return err
		}
		return errHungUp
	}
	if err := json.Unmarshal(w.in.Bytes(), into); err != nil {
		return fmt.Errorf("a message that is none: %w", err)
	}
	return nil
}
