# A Python that has ZeroMQ: Debian's is for Debian's Python. Sourced; $python.
for python in python3 /usr/bin/python3 ''; do
    "$python" -c 'import zmq' 2>/dev/null && break
done
[ -n "$python" ] || fail 'Python has no zmq: install python3-zmq'
