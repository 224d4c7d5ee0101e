"""Who may ask the exporter, and over what: encryption, passwords, client certificates, tokens, and limits.

The file that ``--web.config.file`` names has the format of Prometheus' exporter-toolkit, so one file serves every
exporter of a node. What is answered is left to ``exporters.server``.
"""
