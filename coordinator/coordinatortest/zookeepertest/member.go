package zookeepertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// member is one server process and what stays when it dies: its folder and
// its ports.
type member struct {
	id     int // from 1, as in "server.1"
	dir    string
	client int // port
	secure int // port for TLS, 0 if there is none
	peer   int // port for the other members
	vote   int // port for elections

	pid  int
	done chan struct{} // closed by the goroutine that waits for the process
}

// JVM flags: a small heap, the quick compiler only, and a transaction log that
// is neither preallocated to 64 MB nor synced: what a test loses with the
// machine nobody misses. (ZooKeeper Administrator's Guide, "Unsafe Options".)
var jvmFlags = []string{
	"-Xmx96m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
	"-Dzookeeper.forceSync=no", "-Dzookeeper.preAllocSize=64",
	"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
	"-Dorg.slf4j.simpleLogger.showDateTime=true",
}

func (m *member) logFile() string { return filepath.Join(m.dir, "zookeeper.log") }

// configure writes the member's files. A session may be as short as 200 ms: a
// tick is what the server rounds expiry to. Without maxSessionTimeout a
// session would be cut to 20 ticks.
func (m *member) configure(all []*member, extra []string) error {
	data := filepath.Join(m.dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	cfg := []string{
		"tickTime=200", "initLimit=50", "syncLimit=20",
		"minSessionTimeout=200", "maxSessionTimeout=60000",
		"admin.enableServer=false", "4lw.commands.whitelist=*", "maxClientCnxns=0",
		"dataDir=" + data,
		"clientPort=" + strconv.Itoa(m.client), "clientPortAddress=127.0.0.1",
	}
	if m.secure != 0 {
		cfg = append(cfg, "secureClientPort="+strconv.Itoa(m.secure), "secureClientPortAddress=127.0.0.1",
			"serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory")
	}
	if len(all) > 1 {
		for _, other := range all {
			cfg = append(cfg, fmt.Sprintf("server.%d=127.0.0.1:%d:%d", other.id, other.peer, other.vote))
		}
		if err := os.WriteFile(filepath.Join(data, "myid"), []byte(strconv.Itoa(m.id)), 0o644); err != nil {
			return err
		}
	}
	cfg = append(cfg, extra...)
	return os.WriteFile(filepath.Join(m.dir, "zoo.cfg"), []byte(strings.Join(cfg, "\n")+"\n"), 0o644)
}

// start runs the server process. It returns once the process is there, long
// before it serves.
func (m *member) start(java, classPath string) error {
	log, err := os.OpenFile(m.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	args := append([]string{"-cp", classPath}, jvmFlags...)
	cmd := exec.Command(java, append(args, "org.apache.zookeeper.server.quorum.QuorumPeerMain", filepath.Join(m.dir, "zoo.cfg"))...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = m.dir, log, log

	m.done = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		defer close(m.done)
		defer log.Close()
		wait, err := startTied(cmd)
		started <- err
		if err == nil {
			_ = wait() // always "killed": the log tells why it died otherwise
		}
	}()
	if err := <-started; err != nil {
		<-m.done
		return fmt.Errorf("start ZooKeeper: %w", err)
	}
	m.pid = cmd.Process.Pid
	return nil
}

// kill ends the process with SIGKILL, which works on a frozen one too.
func (m *member) kill() {
	if m.done == nil {
		return
	}
	if m.running() {
		_ = m.signal(syscall.SIGKILL) // it may have died by itself in between
	}
	<-m.done
}

func (m *member) running() bool {
	select {
	case <-m.done:
		return false
	default:
		return true
	}
}

func (m *member) signal(sig syscall.Signal) error {
	if !m.running() {
		return fmt.Errorf("member %d is not running", m.id)
	}
	return syscall.Kill(m.pid, sig)
}

// command sends a four-letter word and returns the answer.
func (m *member) command(word string, timeout time.Duration) (string, error) {
	conn, err := net.DialTimeout("tcp", m.addr(), timeout)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, word); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// mode returns "standalone", "leader" or "follower" once the member serves.
// The port opens earlier than that.
func (m *member) mode() (string, error) {
	answer, err := m.command("srvr", time.Second)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(answer) {
		if mode, ok := strings.CutPrefix(line, "Mode: "); ok {
			return strings.TrimSpace(mode), nil
		}
	}
	return "", fmt.Errorf("member %d does not serve yet: %q", m.id, strings.TrimSpace(answer))
}

func (m *member) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.client)) }

var errPortTaken = errors.New("a port was taken before ZooKeeper could bind it")

// waitReady polls until the member serves.
func (m *member) waitReady(deadline time.Time) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := m.mode()
		if err == nil {
			return nil
		}
		select {
		case <-m.done:
			if bytes.Contains(m.tail(64<<10), []byte("BindException")) {
				return errPortTaken
			}
			return fmt.Errorf("member %d died:\n%s", m.id, m.tail(4<<10))
		case now := <-tick.C:
			if now.After(deadline) {
				return fmt.Errorf("member %d is not ready: %w\n%s", m.id, err, m.tail(4<<10))
			}
		}
	}
}

// tail returns the end of the member's log.
func (m *member) tail(limit int) []byte {
	data, err := os.ReadFile(m.logFile())
	if err != nil {
		return []byte(err.Error())
	}
	return data[max(0, len(data)-limit):]
}

// reservePorts finds n free loopback ports. Nothing holds them until the
// server binds them, so a clash is possible: see errPortTaken.
func reservePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end: no port comes twice
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
