"""What can go wrong with the embedded cluster, each with words that say what to do about it."""


class ClusterError(Exception):
    """Something about the embedded cluster failed; the message names what, why and the remedy."""


class UnfitMachineError(ClusterError):
    """The machine lacks something that the cluster needs; the message lists all of it at once."""


class AlreadyRunningError(ClusterError):
    """A cluster runs on this machine already; the message says which, since when and how to end it."""


class NotRunningError(ClusterError):
    """No cluster runs that could be used."""


class CommandFailedError(ClusterError):
    """A command ended with an error; the message carries the end of what it wrote."""
