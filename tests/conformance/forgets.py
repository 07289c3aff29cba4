"""A store that answers commit, and then makes it durable. usage: forgets.py SOCKET DIRECTORY"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "examples"))
import store


class Forgets(store.Store):
    owed = None  # A commit that was answered.

    def answer(self, *frames):
        if self.owed:
            super().answer(*self.owed)
        self.owed = frames if frames[0] == b"commit" else None
        return [b"ok"] if self.owed else super().answer(*frames)


store.main(Forgets)
