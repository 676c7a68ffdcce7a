from polybolt import bolt


@bolt
def same(row):
    return row


same.run()
