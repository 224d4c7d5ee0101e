"""Whom a cgroup belongs to: names of pods, containers and workloads, joined late by pod UID and container id.

Two sources: a watch of this node's pods through the Kubernetes API, and the links in the kubelet's log folder. Nothing
here knows of cgroups or metrics.
"""
