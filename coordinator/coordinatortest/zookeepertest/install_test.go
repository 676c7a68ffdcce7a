package zookeepertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckJava(t *testing.T) {
	t.Parallel()
	for printed, ok := range map[string]bool{
		`openjdk version "17.0.15" 2025-04-15`: true,
		`openjdk version "11" 2018-09-25`:      true,
		`java version "1.8.0_202"`:             false,
		`openjdk version "9.0.4"`:              false,
		`command not found`:                    false,
	} {
		if err := checkJava(printed); (err == nil) != ok {
			t.Errorf("%s: %v", printed, err)
		} else if err != nil && !strings.Contains(err.Error(), "install Java 11") {
			t.Errorf("%s: the error does not say what to install: %v", printed, err)
		}
	}
}

func TestVerifyRefusesOtherJars(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := verify(dir); err == nil {
		t.Error("an empty folder passes")
	}
	if err := os.WriteFile(filepath.Join(dir, "zookeeper-3.9.5.jar"), []byte("not it"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := verify(dir); err == nil || !strings.Contains(err.Error(), "zookeeper-3.9.5.jar") {
		t.Errorf("a changed jar: %v", err)
	}
}

func TestInstallTakesGivenClassPath(t *testing.T) {
	t.Setenv(ClassPathEnv, "/jars/*")
	if path, err := Install(t.Context()); err != nil || path != "/jars/*" {
		t.Errorf("Install = %q, %v", path, err)
	}
}
