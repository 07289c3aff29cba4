"""A store whose root depends on how its epochs were cut into parts. usage: wrong_root.py SOCKET DIRECTORY"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "examples"))
import store


class WrongRoot(store.Store):
    def execute(self, epoch, *transactions):
        answer = super().execute(epoch, *transactions)
        self.hash.update(b"the end of a part")
        return answer


store.main(WrongRoot)
