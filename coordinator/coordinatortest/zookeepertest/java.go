package zookeepertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
)

const javaHelp = "the tests run a real ZooKeeper: install Java 11 or newer " +
	"(Debian: apt-get install default-jre-headless) on PATH, or set JAVA_HOME"

var versionPattern = regexp.MustCompile(`version "(?:1\.)?(\d+)`)

// java finds a Java that is new enough, once per process.
var java = sync.OnceValues(func() (string, error) {
	path, err := exec.LookPath("java")
	if home := os.Getenv("JAVA_HOME"); home != "" {
		path, err = exec.LookPath(filepath.Join(home, "bin", "java"))
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", javaHelp, err)
	}
	out, err := exec.Command(path, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s -version: %w\n%s\n%s", path, err, out, javaHelp)
	}
	if err := checkJava(string(out)); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return path, nil
})

// checkJava reads what "java -version" prints. Java 8 calls itself 1.8.
func checkJava(printed string) error {
	match := versionPattern.FindStringSubmatch(printed)
	if match == nil {
		return errors.New("does not tell its version; " + javaHelp)
	}
	if major, err := strconv.Atoi(match[1]); err != nil || major < 11 {
		return fmt.Errorf("is Java %s; %s", match[1], javaHelp)
	}
	return nil
}
