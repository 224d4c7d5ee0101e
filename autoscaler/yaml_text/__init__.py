"""YAML that people wrote: what Kubernetes reads in it, where it is broken, and what would be too much to read.

`documents` is the way in; `loader` reads values as kubectl does, `survey` looks a text over before anything is built of it,
`unreadable` puts into words why it cannot be read. What the documents mean is left to those who ask for them.
"""
