from polybolt import spout

SENTENCES = [
    "the cow jumped over the moon",
    "an apple a day keeps the doctor away",
    "four score and seven years ago",
    "snow white and the seven dwarfs",
    "i am at two with nature",
]


@spout
def sentences(conf):
    for _ in range(conf["n"] // 5):
        for s in SENTENCES:
            yield s


sentences.run()
