from polybolt import bolt

counts = {}


@bolt
def count(word):
    n = counts[word] = counts.get(word, 0) + 1
    return word, n


count.run()
