#!/usr/bin/env python3
"""A key-value store: an application in a process of its own (node/external.h says what it is asked), the
same as store.c. Transactions are "set KEY VALUE NUMBER" and "del KEY NUMBER"; the number makes those
differ that want the same thing. A query is a key, and sees what is committed. Whatever goes wrong, it
may end: it begins again where it has committed. Needs python3-zmq. usage: store.py SOCKET DIRECTORY"""
import hashlib
import os
import re
import sqlite3
import sys
import zmq

WORDS = (b"hello", b"check", b"execute", b"finish", b"commit", b"query")
EXECUTED, FAILED, REFUSED = 1, 2, 3
TRANSACTION = re.compile(rb"(?:set ([!-~]{1,200}) ([!-~]{1,200})|del ([!-~]{1,200})) [0-9]{1,20}")
TABLES = """
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; -- A view beside a transaction, and durable.
    CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB);
    CREATE TABLE IF NOT EXISTS state (chain BLOB, epoch BLOB, root BLOB);
"""


class No(Exception):
    pass


class Store:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "store.sqlite")
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.executescript(TABLES)
        self.view = sqlite3.connect(path, isolation_level=None)
        self.last, self.epoch, self.finished = b"\xff" * 8, None, None  # Until hello.

    def begin(self):  # Where the last commit was.
        self.db.rollback()
        state = self.db.execute("SELECT * FROM state").fetchone()
        self.chain, self.last, self.root = state or (None, bytes(8), bytes(32))
        self.epoch = self.finished = None

    def hello(self, version, chain):
        if version != b"1" or len(chain) != 32:
            raise No("this store speaks version 1")
        self.begin()
        if not self.chain:  # The first one it hears of.
            self.chain = chain
            self.db.execute("INSERT INTO state VALUES (?, ?, ?)", (chain, self.last, self.root))
        if self.chain != chain:
            raise No("this directory is of another chain: give the store an empty one")
        return [self.last, self.root]

    def check(self, transaction):
        if not TRANSACTION.fullmatch(transaction):
            raise No("not: set KEY VALUE NUMBER, or del KEY NUMBER")
        return []

    def execute(self, epoch, first, *more):
        if self.epoch is None and epoch > self.last and len(epoch) == 8:
            self.db.execute("BEGIN IMMEDIATE")
            self.epoch = epoch
            self.hash = hashlib.sha256(self.root)
        if self.epoch != epoch or self.finished:
            raise No("this epoch is not the next")
        return [bytes(self.outcome(transaction) for transaction in (first, *more))]

    def outcome(self, transaction):
        match = TRANSACTION.fullmatch(transaction)
        if not match:
            return REFUSED
        key, value, gone = match.groups()
        if gone is None:
            self.db.execute("INSERT OR REPLACE INTO pairs VALUES (?, ?)", (key, value))
        elif not self.db.execute("DELETE FROM pairs WHERE key = ?", (gone,)).rowcount:
            return FAILED
        self.hash.update(transaction + b"\n")
        return EXECUTED

    def finish(self, epoch):
        if self.epoch != epoch or self.finished:
            raise No("this epoch is not being executed")
        self.finished = self.hash.digest()
        return [self.finished]

    def commit(self, epoch):
        if self.epoch != epoch or not self.finished:
            raise No("this epoch is not finished")
        self.db.execute("UPDATE state SET epoch = ?, root = ?", (epoch, self.finished))
        self.db.execute("COMMIT")
        self.begin()
        return []

    def query(self, key):
        row = self.view.execute("SELECT value FROM pairs WHERE key = ?", (key,)).fetchone()
        if not row:
            raise No("no such key")
        return [row[0]]

    def answer(self, word, *frames):
        try:
            if word not in WORDS:
                raise No("there is no such request")
            return [b"ok", *getattr(self, word.decode())(*frames)]
        except No as reason:
            return [b"no", str(reason).encode()]
        except TypeError:  # Of a call with other arguments than the function has.
            return [b"no", b"that request has another number of frames"]


def main(store):
    application = store(sys.argv[2])
    socket = zmq.Context().socket(zmq.REP)
    socket.bind("ipc://" + sys.argv[1])
    while True:
        socket.send_multipart(application.answer(*socket.recv_multipart()))


if __name__ == "__main__":
    main(Store)
