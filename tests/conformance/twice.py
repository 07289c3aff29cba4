"""A store that commits its pairs, and after them the epoch that they are of: killed between the two it is
given an epoch that it has executed. usage: twice.py SOCKET DIRECTORY"""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "examples"))
import store


class Twice(store.Store):
    def commit(self, epoch):
        if self.finished:
            self.db.execute("COMMIT")
            time.sleep(0.02)
            self.db.execute("BEGIN IMMEDIATE")
        return super().commit(epoch)


store.main(Twice)
