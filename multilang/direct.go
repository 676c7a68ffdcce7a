package multilang

import (
	"fmt"
	"slices"
	"strings"
)

// Astray says why a row would reach nobody, or "". readers are the tasks that
// read its stream with direct grouping, none if it is not read so: then a row
// must not name a task, and else it must name one of them. task is the one that
// it names, if it names one.
func Astray(stream string, readers []int, names bool, task int) string {
	switch {
	case names && len(readers) == 0:
		return fmt.Sprintf("stream %q is not read with group: direct, but the emit names task %d: name none, or write group: direct at the inputs that read it", stream, task)
	case !names && len(readers) > 0:
		return fmt.Sprintf("stream %q is read with group: direct, but the emit names no task: name one of %s", stream, someTasks(readers))
	case names && !slices.Contains(readers, task):
		return fmt.Sprintf("stream %q is read with group: direct by the tasks %s; %d, which the emit names, is none of them", stream, someTasks(readers), task)
	}
	return ""
}

// someTasks lists tasks, not more than fit in a message.
func someTasks(tasks []int) string {
	const most = 16
	list := strings.ReplaceAll(strings.Trim(fmt.Sprint(tasks[:min(len(tasks), most)]), "[]"), " ", ", ")
	if len(tasks) > most {
		list += ", …"
	}
	return list
}
