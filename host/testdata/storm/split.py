import storm


class Split(storm.BasicBolt):
    """Raises for each tenth sentence when it comes first."""

    seen = set()

    def initialize(self, conf, context):
        self.counters = [int(task) for task, component in context["task->component"].items() if component == "count"]

    def process(self, tup):
        sentence = tup.values[0]
        if sentence.endswith("7") and sentence not in self.seen:
            self.seen.add(sentence)
            raise ValueError("no sevens yet: " + sentence)
        for word in sentence.split(" "):
            tasks = storm.emit([word])
            assert len(tasks) == 1 and tasks[0] in self.counters, (tasks, self.counters)


Split().run()
