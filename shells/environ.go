package shells

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// passed lists the variables of ours that a child may see. All others that
// begin with POLYBOLT_ configure daemons and clients, and some name secrets
// (POLYBOLT_TOKEN_FILE): a child gets no secret that it was not given.
var passed = map[string]bool{"POLYBOLT_HOME": true, "POLYBOLT_LEVEL": true}

// withheld lists what a service manager tells its own child only.
var withheld = map[string]bool{
	"NOTIFY_SOCKET": true, "WATCHDOG_PID": true, "WATCHDOG_USEC": true,
	"LISTEN_PID": true, "LISTEN_FDS": true, "LISTEN_FDNAMES": true,
	"CREDENTIALS_DIRECTORY": true,
}

// inherited returns our own environment without what is not for children.
func inherited() map[string]string { return withoutSecrets(os.Environ()) }

func withoutSecrets(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, pair := range environ {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" || withheld[name] {
			continue
		}
		if strings.HasPrefix(name, "POLYBOLT_") && !passed[name] {
			continue
		}
		env[name] = value
	}
	return env
}

// pairs returns env as exec wants it, sorted so that the same environment is
// always the same bytes.
func pairs(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// markName names the variable that tells one child's processes from all
// others, wherever they are handed when their parents die.
const markName = "POLYBOLT_CHILD"

var marks atomic.Int64

// newMark returns a value for it that no other child on this machine has.
func newMark() string {
	return fmt.Sprintf("%d.%d.%d", os.Getpid(), time.Now().UnixNano(), marks.Add(1))
}

// mark returns the variable as it stands in the child's environment.
func (p *program) mark() string { return markName + "=" + p.env[markName] }
