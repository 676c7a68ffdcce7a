package zookeepertest

import (
	"bufio"
	"context"
	"crypto/sha256"
	_ "embed" // the list of jars is compiled in, so that tests run from any folder
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/polybolt/polybolt/tools/fetch"
)

// ClassPathEnv names the environment variable with a Java class path that has a
// ZooKeeper server on it, for instance "/usr/share/java/*". Nothing is fetched then.
const ClassPathEnv = "POLYBOLT_ZOOKEEPER_CLASSPATH"

const mavenCopy = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// The Debian packages of ZooKeeper 3.8 and what its server needs to start.
var debianPackages = []string{
	"libzookeeper-java", "libdropwizard-metrics-java", "libnetty-java", "libslf4j-java", "libsnappy-java",
}

var (
	//go:embed pom.xml
	pom []byte
	//go:embed jars.sha256
	checksums string
)

// Install returns a class path with a ZooKeeper server, which it fetches
// first if that has not been done before. Any number of processes may call it
// at once: one fetches, the others wait for it.
func Install(ctx context.Context) (string, error) {
	if path := os.Getenv(ClassPathEnv); path != "" {
		return path, nil
	}
	key := sha256.Sum256(append(slices.Clone(pom), checksums...))
	dir, err := fetch.Once(ctx, "zookeeper-"+hex.EncodeToString(key[:6]), func(work string) (string, error) { return fetchJars(ctx, work) })
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "*"), nil
}

// fetchJars fetches the jars by the first means that works, and returns their folder.
func fetchJars(ctx context.Context, work string) (string, error) {
	var failed []error
	for _, means := range []struct {
		tool string
		run  func(ctx context.Context, work, jars string) error
	}{{"mvn", fetchWithMaven}, {"apt-get", fetchWithApt}} {
		if _, err := exec.LookPath(means.tool); err != nil {
			failed = append(failed, err)
			continue
		}
		own := filepath.Join(work, means.tool)
		jars := filepath.Join(own, "jars")
		if err := os.MkdirAll(jars, 0o755); err != nil {
			return "", err
		}
		err := means.run(ctx, own, jars)
		if err == nil {
			return jars, nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", means.tool, err))
		if errors.Is(err, errOtherJars) {
			break // somebody has to look at it, not to work around it
		}
	}
	return "", fmt.Errorf("%w\ninstall maven, or set %s to the jars of a ZooKeeper server", errors.Join(failed...), ClassPathEnv)
}

var errOtherJars = errors.New("the jars are not those of jars.sha256")

func fetchWithMaven(ctx context.Context, work, jars string) error {
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	err := fetch.Command(ctx, work, "mvn", "-q", "-B", "-f", file, mavenCopy, "-DincludeScope=runtime", "-DoutputDirectory="+jars)
	if err != nil {
		return err
	}
	return verify(jars)
}

// verify compares a folder of jars with the pinned checksums, both ways.
func verify(jars string) error {
	want := map[string]string{}
	for scan := bufio.NewScanner(strings.NewReader(checksums)); scan.Scan(); {
		if sum, name, ok := strings.Cut(scan.Text(), "  "); ok {
			want[name] = sum
		}
	}
	entries, err := os.ReadDir(jars)
	if err != nil {
		return err
	}
	got := map[string]string{}
	var lines strings.Builder
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(jars, entry.Name()))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		got[entry.Name()] = hex.EncodeToString(sum[:])
		fmt.Fprintf(&lines, "%x  %s\n", sum, entry.Name())
	}
	if !maps.Equal(want, got) {
		return fmt.Errorf("%w; these came:\n%s", errOtherJars, lines.String())
	}
	return nil
}

// fetchWithApt takes what the distribution offers; apt-get has checked the
// signatures.
func fetchWithApt(ctx context.Context, work, jars string) error {
	if err := fetch.Command(ctx, work, "apt-get", append([]string{"-q", "download"}, debianPackages...)...); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return err
	}
	root := filepath.Join(work, "root")
	for _, file := range packages {
		if err := fetch.Command(ctx, work, "dpkg", "-x", file, root); err != nil {
			return err
		}
	}
	return filepath.WalkDir(filepath.Join(root, "usr/share/java"), func(path string, entry fs.DirEntry, err error) error {
		// Versioned names are links to these files. Of SLF4J's outputs exactly one may be there.
		if err != nil || !entry.Type().IsRegular() || strings.Contains(entry.Name(), "slf4j") &&
			entry.Name() != "slf4j-api.jar" && entry.Name() != "slf4j-simple.jar" {
			return err
		}
		return os.Rename(path, filepath.Join(jars, entry.Name()))
	})
}
