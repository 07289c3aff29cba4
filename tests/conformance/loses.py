"""A store that loses a pair when it is restored. usage: loses.py SOCKET DIRECTORY"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "examples"))
import store


class Loses(store.Store):
    def load(self, first, *more):
        super().load(*more)


store.main(Loses)
