package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
)

// echoSize is the size of a frame of one sentence, about.
const echoSize = 48

// echo is a child that does nothing but echo frames: the reference for what
// takes its time, and costs what it does, by waiting.
type echo struct {
	cmd           *exec.Cmd
	in            io.WriteCloser
	out           *bufio.Reader
	frame, answer []byte
}

func startEcho(command ...string) (*echo, error) {
	cmd := exec.Command(command[0], command[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	frame := make([]byte, 4+echoSize)
	binary.BigEndian.PutUint32(frame, echoSize)
	return &echo{cmd: cmd, in: in, out: bufio.NewReader(out), frame: frame, answer: make([]byte, len(frame))}, cmd.Start()
}

// round sends a frame and waits for it to come back.
func (e *echo) round() error {
	if _, err := e.in.Write(e.frame); err != nil {
		return err
	}
	_, err := io.ReadFull(e.out, e.answer)
	return err
}

func (e *echo) end() error {
	if err := e.in.Close(); err != nil {
		return err
	}
	return e.cmd.Wait()
}
