"""Starts the processes of a cloud, watches them, restarts what dies and stops them in order.

Decisions (`policy`, `order`) know no process, clock or socket; the rest carries them out. The
supervisor does nothing else: it reads no data and serves no client, so that it never has a reason
to die. Should it be killed all the same, its roles notice (`channel`) and stop, and the next
`atoll up` waits for those still at it (`lock`).
"""
