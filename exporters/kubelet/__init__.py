"""Asks the kubelet of this node for what only it knows: how much single containers and volumes hold.

This is the one source that is neither the kernel nor the API, and it is asked only if a collector for it is switched on.
"""
