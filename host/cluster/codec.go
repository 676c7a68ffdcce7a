package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Limits of what is written to, and believed of, a node.
const (
	maxNode   = 256 << 10 // bytes of a node; ZooKeeper would take four times as much
	maxRecord = 4 << 20   // bytes of a record before it is compressed
	plainNode = 16 << 10  // records up to this size stay as they are, for people with a shell to read
)

// record is anything that has a node of its own.
type record interface {
	kind() string    // in the envelope: a record of one kind is never taken for another
	Validate() error // bounds on everything, since anybody may have written the node
}

// format is the version of all records. A reader refuses another one; whoever
// changes the meaning of a field, adds or removes one, raises it.
const format = 1

// envelope is how a record is written: JSON, so that a person can read it in
// ZooKeeper's shell, and compressed by zstd where it is large.
type envelope struct {
	Format int             `json:"polybolt"`
	Kind   string          `json:"kind"`
	Data   json.RawMessage `json:"data"`
}

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))                                             // fails on bad options only
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRecord+1<<10)) // the same
	zstdMagic   = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// ErrTooLarge is wrapped by the error for a record that no node can hold.
var ErrTooLarge = errors.New("too large")

// encode returns a record as its node holds it. Records are made by ourselves:
// an invalid one is a defect, and an error.
func encode(r record) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("write %s: %w", r.kind(), err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", r.kind(), err)
	}
	whole, err := json.Marshal(envelope{format, r.kind(), data})
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", r.kind(), err)
	}
	size := len(whole)
	if size > plainNode {
		whole = packer.EncodeAll(whole, nil)
	}
	if len(whole) > maxNode || size > maxRecord {
		return nil, fmt.Errorf("%s takes %d bytes, and %d when compressed; the limits are %d and %d: %w", r.kind(), size, len(whole), maxRecord, maxNode, ErrTooLarge)
	}
	return whole, nil
}

// decode reads a node's data into a record, and validates it.
func decode(path string, data []byte, into record) error {
	if err := decodeData(data, into); err != nil {
		return &RecordError{Path: path, Kind: into.kind(), Err: err}
	}
	return nil
}

func decodeData(data []byte, into record) error {
	if len(data) > maxNode {
		return fmt.Errorf("it has %d bytes, the limit is %d: %w", len(data), maxNode, ErrTooLarge)
	}
	if bytes.HasPrefix(data, zstdMagic) {
		plain, err := unpacker.DecodeAll(data, nil)
		if err != nil {
			return err
		}
		data = plain
	}
	var e envelope
	if err := strict(data, &e); err != nil {
		return err
	}
	if e.Format != format {
		return fmt.Errorf("it is written in format %d, and this Polybolt reads %d: run the same version everywhere", e.Format, format)
	}
	if e.Kind != into.kind() {
		return fmt.Errorf("it holds a %.40q", e.Kind)
	}
	if err := strict(e.Data, into); err != nil {
		return err
	}
	return into.Validate()
}

// strict decodes one JSON value with no unknown field and nothing behind it.
func strict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the record")
	}
	return nil
}

// RecordError is a node whose data is not the record that belongs there.
type RecordError struct {
	Path string
	Kind string
	Err  error
}

// Error names the node and what is wrong with it.
func (e *RecordError) Error() string {
	return fmt.Sprintf("the coordinator's node %s is no valid %s: %v", e.Path, e.Kind, e.Err)
}

// Unwrap returns Err.
func (e *RecordError) Unwrap() error { return e.Err }
