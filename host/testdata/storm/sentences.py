import storm


class Sentences(storm.Spout):
    """Ids 0 to 299 as text; one tuple from initialize; says what became of them."""

    def initialize(self, conf, context):
        self.next, self.acked, self.failed = 0, 0, 0
        assert context["task->component"][str(context["taskid"])] == "sentences", context
        assert conf["topology.name"] and conf["mine"] == [1, "x"], conf
        storm.emit(["early bird"])

    def nextTuple(self):
        if self.next < 300:
            storm.emit(["a b\u00e9 %d" % self.next], id=str(self.next))
            self.next += 1

    def ack(self, id):
        assert 0 <= int(id) < 300 and isinstance(id, str), id
        self.acked += 1
        if self.acked == 300:
            storm.logInfo("all acked, %d failed" % self.failed)

    def fail(self, id):
        self.failed += 1
        storm.emit(["a b\u00e9 " + id], id=id)


Sentences().run()
