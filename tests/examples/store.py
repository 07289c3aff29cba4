#!/usr/bin/env python3
"""A key-value store, the same as store.c: an application in a process of its own (node/external.h says
what it is asked). "set KEY VALUE NUMBER" and "del KEY NUMBER" (the number makes those differ that want
the same); a query is a key of what is committed. Needs python3-zmq. usage: store.py SOCKET DIRECTORY"""
import hashlib
import os
import re
import sqlite3
import sys
import zmq

WORDS = b"hello check execute finish commit query dump restore load".split()
EXECUTED, FAILED, REFUSED = 1, 2, 3
TRANSACTION = re.compile(rb"(?:set ([!-~]{1,200}) ([!-~]{1,200})|del ([!-~]{1,200})) [0-9]{1,20}")
TABLES = """PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; -- Views beside it, and durable.
    CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB);
    CREATE TABLE IF NOT EXISTS state (chain BLOB, epoch BLOB, root BLOB);"""
PAIRS = "SELECT key, value FROM pairs ORDER BY key"


class Store:
    def __init__(self, directory):
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "store.sqlite")
        self.db, self.view = (sqlite3.connect(path, isolation_level=None) for _ in range(2))
        self.db.executescript(TABLES)
        self.last, self.epoch, self.finished = b"\xff" * 8, None, None  # Until hello.

    def begin(self):  # Where the last commit was.
        self.db.rollback()
        state = self.db.execute("SELECT * FROM state").fetchone()
        self.chain, self.last, self.root = state or (None, bytes(8), bytes(32))
        self.epoch = self.finished = self.pairs = None

    def hello(self, version, chain):
        self.begin()
        if not self.chain and version == b"1" and len(chain) == 32:  # The first one it hears of.
            self.chain = chain
            self.db.execute("INSERT INTO state VALUES (?, ?, ?)", (chain, self.last, self.root))
        if self.chain != chain or version != b"1":
            raise ValueError("this directory is of another chain, or it is not version 1")
        return [self.last, self.root]

    def check(self, transaction):
        if not TRANSACTION.fullmatch(transaction):
            raise ValueError("not: set KEY VALUE NUMBER, or del KEY NUMBER")

    def execute(self, epoch, first, *more):
        if self.epoch is None and epoch > self.last and len(epoch) == 8:
            self.db.execute("BEGIN IMMEDIATE")
            self.epoch, self.hash = epoch, hashlib.sha256(self.root)
        if self.epoch != epoch or self.finished:
            raise ValueError("this epoch is not the next")
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
        self.hash.update(len(transaction).to_bytes(4, "big") + transaction)
        return EXECUTED

    def finish(self, epoch):
        if self.epoch != epoch or self.finished:
            raise ValueError("this epoch is not being executed")
        self.finished = self.hash.digest()
        return [self.finished]

    def commit(self, epoch):
        if self.epoch != epoch or not self.finished:
            raise ValueError("this epoch is not finished")
        self.db.execute("UPDATE state SET epoch = ?, root = ?", (epoch, self.finished))
        self.db.execute("COMMIT")
        self.begin()

    def query(self, key):
        for row in self.view.execute("SELECT value FROM pairs WHERE key = ?", (key,)).fetchall():
            return row
        raise ValueError("no such key")

    def dump(self, number):
        self.pairs = self.pairs if any(number) else self.view.execute(PAIRS)
        pair = self.pairs.fetchone()
        return [b"set %b %b 0" % pair if pair else b""]

    def restore(self, epoch, root):
        self.begin()
        self.db.execute("BEGIN IMMEDIATE")
        self.db.execute("DELETE FROM pairs")
        self.epoch, self.finished, self.hash = epoch, root, hashlib.sha256()

    def load(self, *records):
        if not self.finished:
            raise ValueError("nothing is being restored")
        if any(self.outcome(record) != EXECUTED for record in records):
            raise ValueError("a record of it is no pair")

    def answer(self, word, *frames):
        try:
            return [b"ok", *(getattr(self, WORDS[WORDS.index(word)].decode())(*frames) or [])]
        except (ValueError, TypeError) as reason:  # A no; no such word, or so many frames.
            return [b"no", str(reason).encode()]


def main(store):
    application = store(sys.argv[2])
    socket = zmq.Context().socket(zmq.REP)
    socket.bind("ipc://" + sys.argv[1])
    while True:
        socket.send_multipart(application.answer(*socket.recv_multipart()))


if __name__ == "__main__":
    main(Store)
