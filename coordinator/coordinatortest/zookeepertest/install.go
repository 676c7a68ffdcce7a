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
	"syscall"
	"time"
)

// Environment variables that say where ZooKeeper's jars are.
const (
	// ClassPathEnv names a Java class path with a ZooKeeper server on it, for
	// instance "/usr/share/java/*". Nothing is fetched then.
	ClassPathEnv = "POLYBOLT_ZOOKEEPER_CLASSPATH"
	// CacheEnv names the folder to keep fetched jars in, instead of
	// polybolt-test in the user's cache folder.
	CacheEnv = "POLYBOLT_TEST_CACHE"
)

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
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(append(slices.Clone(pom), checksums...))
	dir := filepath.Join(cache, "zookeeper-"+hex.EncodeToString(key[:6]))
	// A folder of this name is complete: it was renamed into place.
	if _, err := os.Stat(dir); err == nil {
		return filepath.Join(dir, "*"), nil
	}
	unlock, err := lock(ctx, filepath.Join(cache, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return filepath.Join(dir, "*"), nil
	}
	if err := fetch(ctx, cache, dir); err != nil {
		return "", fmt.Errorf("fetch ZooKeeper for the tests: %w\ninstall maven, or set %s to the jars of a ZooKeeper server", err, ClassPathEnv)
	}
	return filepath.Join(dir, "*"), nil
}

func cacheDir() (string, error) {
	dir := os.Getenv(CacheEnv)
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("no cache folder for ZooKeeper (set %s): %w", CacheEnv, err)
		}
		dir = filepath.Join(user, "polybolt-test")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cache folder for ZooKeeper (set %s): %w", CacheEnv, err)
	}
	return dir, nil
}

// lock takes a lock that ends with the process at the latest.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("wait for another process that fetches ZooKeeper: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// fetch fills dir by the first means that works.
func fetch(ctx context.Context, cache, dir string) error {
	var failed []error
	for _, means := range []struct {
		tool string
		run  func(ctx context.Context, work, jars string) error
	}{{"mvn", fetchWithMaven}, {"apt-get", fetchWithApt}} {
		if _, err := exec.LookPath(means.tool); err != nil {
			failed = append(failed, err)
			continue
		}
		err := fetchInto(ctx, cache, dir, means.run)
		if err == nil {
			return nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", means.tool, err))
		if errors.Is(err, errOtherJars) {
			break // somebody has to look at it, not to work around it
		}
	}
	return errors.Join(failed...)
}

var errOtherJars = errors.New("the jars are not those of jars.sha256")

func fetchInto(ctx context.Context, cache, dir string, run func(ctx context.Context, work, jars string) error) error {
	work, err := os.MkdirTemp(cache, "partial-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	jars := filepath.Join(work, "jars")
	if err := os.Mkdir(jars, 0o755); err != nil {
		return err
	}
	if err := run(ctx, work, jars); err != nil {
		return err
	}
	return os.Rename(jars, dir)
}

func fetchWithMaven(ctx context.Context, work, jars string) error {
	file := filepath.Join(work, "pom.xml")
	if err := os.WriteFile(file, pom, 0o644); err != nil {
		return err
	}
	err := command(ctx, work, "mvn", "-q", "-B", "-f", file, mavenCopy, "-DincludeScope=runtime", "-DoutputDirectory="+jars)
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
	if err := command(ctx, work, "apt-get", append([]string{"-q", "download"}, debianPackages...)...); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(work, "*.deb"))
	if err != nil {
		return err
	}
	root := filepath.Join(work, "root")
	for _, file := range packages {
		if err := command(ctx, work, "dpkg", "-x", file, root); err != nil {
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

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}
