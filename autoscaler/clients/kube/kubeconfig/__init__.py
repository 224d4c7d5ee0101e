"""The kubeconfig, merged and looked through by kubectl's rules, so that whatever is wrong with it is said in a sentence.

kubernetes_asyncio expects a file without a fault: another one ends in a TypeError, or is used without the credentials that
could not be found. It gets what `load` makes of the files instead: one context, one cluster, one user, every path absolute.
"""
