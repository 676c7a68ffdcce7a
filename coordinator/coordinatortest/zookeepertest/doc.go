// Package zookeepertest runs real ZooKeeper servers for tests: one, or an
// ensemble, on loopback ports, without root, below temporary folders. Members
// can be killed, frozen and started again with their data.
//
// The server's jars are fetched once per user by Maven (versions and checksums
// are pinned) or, where there is no Maven, by apt-get from the distribution's
// package, and kept in a cache folder. Java 11 or newer must be there.
//
// It is no stand-in for ZooKeeper and has none: where it cannot be started a
// test fails and says what to install.
package zookeepertest
