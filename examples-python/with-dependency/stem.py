"""A bolt: a word in, its stem and the word out. The stemmer comes from vendor/."""
import snowballstemmer

from polybolt import bolt

stemmer = snowballstemmer.stemmer("english")


@bolt
def stem(word):
    return stemmer.stemWord(word), word


stem.run()
