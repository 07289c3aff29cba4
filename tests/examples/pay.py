#!/usr/bin/env python3
"""Submits signed transactions, a line of hex each, and prints what became of each.

usage: ledger-cli transfer ... --print | pay.py http://127.0.0.1:27004 http://127.0.0.1:27014 ...

A node may stop at any moment: the same transaction is given to the next one. However often it is
submitted, it has one outcome, so that nothing is paid twice. Needs nothing but Python."""
import http.client
import json
import sys
import threading
import time
import urllib.error
import urllib.request

NODES = sys.argv[1:]
WORKERS = 24
FINAL = ("executed", "failed")
REFUSED = ("dropped", "invalid", "malformed")  # If more than a third of the nodes say so.
lock = threading.Lock()
node = 0  # The one that all talk to, as long as it answers.


def say(*words):
    with lock:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()


def ask(url, transaction):
    body = json.dumps({"transaction": transaction}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:  # It is an answer, too.
        return json.load(refusal)


def outcome(transaction):
    global node
    refused = set()
    while True:
        asked = node
        try:
            answer = ask(NODES[asked] + "/v1/transactions?wait=30", transaction)
            if answer.get("outcome") in FINAL:
                return answer
            if answer.get("outcome") in REFUSED:
                refused.add(asked)
                if 3 * len(refused) >= len(NODES):
                    return answer
                with lock:
                    node = (asked + 1) % len(NODES)
            time.sleep(answer.get("retry_ms", 100) / 1000)
        except (OSError, ValueError, http.client.HTTPException):
            with lock:
                if node == asked:
                    node = (asked + 1) % len(NODES)
            time.sleep(0.05)


def work(lines):
    while True:
        with lock:
            line = lines.readline().strip()
        if not line:
            return
        say("begin", node)
        answer = outcome(line)
        say("end", answer.get("id", "-"), answer["outcome"], answer.get("height", "-"), answer.get("index", "-"))


workers = [threading.Thread(target=work, args=(sys.stdin,)) for _ in range(WORKERS)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
