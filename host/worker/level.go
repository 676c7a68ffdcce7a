package worker

import (
	"github.com/polybolt/polybolt/host/topology"
	"github.com/polybolt/polybolt/multilang"
)

// LevelUsual stands for what components log unless they are told otherwise:
// SDKs from LevelInfo on, and what is written for Storm whatever it likes.
const LevelUsual Level = -1

// SetLevel has a component log from a level on: its children here are told, and
// those started from now on; of children that cannot be told, lines below it
// are dropped. What is printed has no level, and is kept. A component that is
// not there has no children.
func (w *Worker) SetLevel(id topology.ComponentID, level Level) {
	c := w.byID[id]
	if c == nil || Level(c.level.Swap(int32(level))) == level {
		return
	}
	for _, t := range w.tasksOf(c) {
		t.mu.Lock()
		t.tellLevel()
		t.mu.Unlock()
	}
}

// wanted is the level that a child is told.
func (c *component) wanted() Level {
	if level := Level(c.level.Load()); level != LevelUsual {
		return level
	}
	return LevelInfo
}

// tellLevel tells the child its level, if it is ready and has been told another
// one; before that, the host's messages have their order. mu is held.
func (t *task) tellLevel() {
	level := t.comp.wanted()
	if t.process == nil || t.ready.IsZero() || t.level == level {
		return
	}
	t.level = level
	buf, at := multilang.BeginFrame(nil)
	t.process.Write(multilang.EndFrame(multilang.AppendLevel(buf, int(level)), at))
}
