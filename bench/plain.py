# The reference of the benchmarks: the word count of Storm's five sentences as a plain loop at module level, in memory. (Inside a
# function the same loop runs 1.65 times faster: do not mix the two.) Prints sentences a second and CPU microseconds a sentence.
import sys
import time

SENTENCES = [
    "the cow jumped over the moon",
    "an apple a day keeps the doctor away",
    "four score and seven years ago",
    "snow white and the seven dwarfs",
    "i am at two with nature",
]
data = SENTENCES * (int(sys.argv[1]) // 5 if len(sys.argv) > 1 else 200_000)
wall, cpu = time.perf_counter(), time.process_time()
c = {}
for s in data:
    for w in s.split(' '):
        c[w] = c.get(w, 0) + 1
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(f"{len(data) / wall:.0f} {cpu * 1e6 / len(data):.4f}")
