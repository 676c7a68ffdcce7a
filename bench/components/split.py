from polybolt import bolt


@bolt
def split(sentence):
    for w in sentence.split(' '):
        yield w


split.run()
