import time

from polybolt import bolt


@bolt
def slow(conf, row):
    time.sleep(conf["seconds"])
    return row


slow.run()
