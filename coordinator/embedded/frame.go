package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/polybolt/polybolt/coordinator/embedded/tree"
)

// A file of ours is a header and then frames. The header is a magic, a random
// salt and its checksum; a frame is the first half of the salt, a length, a checksum over
// salt, length and payload, and the payload, all integers big-endian. The salt
// keeps a client from putting something into its data that looks like a frame
// of this file.
const (
	fileMagic   = "PBCOORD1"
	saltSize    = 8
	markerSize  = saltSize / 2
	headerSize  = len(fileMagic) + saltSize + 4
	frameHeader = markerSize + 4 + 4

	// maxFrame bounds a frame's payload: a batch of requests, or some nodes.
	maxFrame = 16 << 20
)

// A batch that is full but for one byte, and the largest transaction, with room to spare.
const _ = uint(maxFrame - maxBatch - tree.MaxTxn - 1<<20)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errTorn means that the rest of a file is not a frame.
var errTorn = errors.New("not a whole frame")

func appendFileHeader(b, salt []byte) []byte {
	b = append(append(b, fileMagic...), salt...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(salt, castagnoli))
}

// parseFileHeader returns the salt.
func parseFileHeader(header []byte) ([]byte, error) {
	salt, ok := bytes.CutPrefix(header, []byte(fileMagic))
	if !ok || len(salt) != saltSize+4 || binary.BigEndian.Uint32(salt[saltSize:]) != crc32.Checksum(salt[:saltSize], castagnoli) {
		return nil, errTorn
	}
	return salt[:saltSize], nil
}

// sealFrame fills in the header of a frame whose payload stands behind
// frameHeader empty bytes.
func sealFrame(frame, salt []byte) {
	copy(frame, salt[:markerSize])
	length := frame[markerSize:][:4]
	binary.BigEndian.PutUint32(length, uint32(len(frame)-frameHeader))
	binary.BigEndian.PutUint32(frame[markerSize+4:], frameSum(salt, length, frame[frameHeader:]))
}

func frameSum(salt, length, payload []byte) uint32 {
	return crc32.Update(crc32.Update(crc32.Checksum(salt, castagnoli), castagnoli, length), castagnoli, payload)
}

// parseFrame returns the size of the payload that a header announces, and a
// check for the payload.
func parseFrame(header, salt []byte) (size int, whole func(payload []byte) bool, err error) {
	length, sum := header[markerSize:][:4], binary.BigEndian.Uint32(header[markerSize+4:])
	n := binary.BigEndian.Uint32(length)
	if !bytes.HasPrefix(header, salt[:markerSize]) || n == 0 || n > maxFrame {
		return 0, nil, errTorn
	}
	return int(n), func(payload []byte) bool { return sum == frameSum(salt, length, payload) }, nil
}

// readFrame reads the next frame's payload into buf, which it may replace. The
// end of the file is io.EOF, anything else that is not a frame errTorn.
func readFrame(r io.Reader, salt, buf []byte) ([]byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, tornUnless(err, io.EOF)
	}
	size, whole, err := parseFrame(header[:], salt)
	if err != nil {
		return nil, err
	}
	// Grown by what is there, not by what the header claims.
	payload := bytes.NewBuffer(buf[:0])
	if _, err := io.CopyN(payload, r, int64(size)); err != nil {
		return nil, tornUnless(err, nil)
	}
	if !whole(payload.Bytes()) {
		return nil, errTorn
	}
	return payload.Bytes(), nil
}

// tornUnless turns the ends of a file into errTorn, but for the one that is
// expected. What else goes wrong with reading is no statement about the file.
func tornUnless(err, expected error) error {
	switch {
	case expected != nil && err == expected: //nolint:errorlint // io.ReadFull's own
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errTorn
	}
	return fmt.Errorf("read: %w", err)
}

// holdsFrame tells whether a whole frame stands anywhere in data. Behind a
// frame that is not whole it tells damage from a torn write: the tail that a
// crash leaves is one unfinished frame, since the next one is written only
// when the last is safe.
func holdsFrame(data, salt []byte) bool {
	for {
		i := bytes.Index(data, salt[:markerSize])
		if i < 0 || len(data)-i <= frameHeader {
			return false
		}
		size, whole, err := parseFrame(data[i:][:frameHeader], salt)
		rest := data[i+frameHeader:]
		if err == nil && size <= len(rest) && whole(rest[:size]) {
			return true
		}
		data = data[i+1:]
	}
}
