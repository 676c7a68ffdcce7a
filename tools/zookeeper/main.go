// Command zookeeper fetches the ZooKeeper that the tests use, or runs one in
// the foreground to try things on:
//
//	go run ./tools/zookeeper -install       fetch only, print the class path
//	go run ./tools/zookeeper -members 3     print the addresses, run until Ctrl-C
//
// Its data is gone when it ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/polybolt/polybolt/coordinator/coordinatortest/zookeepertest"
)

func main() {
	install := flag.Bool("install", false, "fetch ZooKeeper, print its class path and end")
	members := flag.Int("members", 1, "servers to run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *install, *members); err != nil {
		fmt.Fprintln(os.Stderr, "zookeeper:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, install bool, members int) error {
	if install {
		classPath, err := zookeepertest.Install(ctx)
		if err != nil {
			return err
		}
		fmt.Println(classPath)
		return nil
	}
	dir, err := os.MkdirTemp("", "polybolt-zookeeper-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := zookeepertest.Launch(ctx, dir, zookeepertest.Config{Members: members})
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Println(strings.Join(server.Addrs(), ","))
	<-ctx.Done()
	return nil
}
