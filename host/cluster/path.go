package cluster

import (
	"fmt"
	"path"
	"strconv"

	"github.com/polybolt/polybolt/host/blob"
	"github.com/polybolt/polybolt/host/topology"
)

// The nodes that stand directly below the root.
const (
	leaderPath      = "/leader"
	nimbusesPath    = "/nimbuses"
	supervisorsPath = "/supervisors"
	slotsPath       = "/slots"
	topologiesPath  = "/topologies"
	bundlesPath     = "/bundles"
)

// basePaths are those that every daemon makes sure of.
var basePaths = []string{nimbusesPath, supervisorsPath, slotsPath, topologiesPath, bundlesPath}

func nimbusPath(i Incarnation) string        { return path.Join(nimbusesPath, string(i)) }
func supervisorPath(id SupervisorID) string  { return path.Join(supervisorsPath, string(id)) }
func slotsOfPath(id SupervisorID) string     { return path.Join(slotsPath, string(id)) }
func placementPath(p Place) string           { return path.Join(slotsOfPath(p.Supervisor), p.Local()) }
func topologyPath(name topology.Name) string { return path.Join(topologiesPath, string(name)) }
func versionsPath(name topology.Name) string { return path.Join(topologyPath(name), "versions") }
func runsPath(name topology.Name) string     { return path.Join(topologyPath(name), "runs") }
func runPath(r RunID) string                 { return path.Join(runsPath(r.Topology), strconv.Itoa(r.Number)) }
func assignmentPath(r RunID) string          { return path.Join(runPath(r), "assignment") }
func workersPath(r RunID) string             { return path.Join(runPath(r), "workers") }
func workerPath(r RunID, p Place) string     { return path.Join(workersPath(r), p.String()) }
func bundlePath(hash blob.Hash) string       { return path.Join(bundlesPath, string(hash)) }
func chunkPath(hash blob.Hash, index int) string {
	return path.Join(bundlePath(hash), fmt.Sprintf("%04d", index))
}
func versionPath(n topology.Name, v int) string { return path.Join(versionsPath(n), strconv.Itoa(v)) }

func alivePath(r RunID, p Place, i Incarnation) string {
	return path.Join(workerPath(r, p), string(i))
}
