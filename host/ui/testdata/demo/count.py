from collections import Counter

from polybolt import bolt

seen = Counter()


@bolt
def count(word):
    seen[word] += 1
    return word, seen[word]


count.run()
