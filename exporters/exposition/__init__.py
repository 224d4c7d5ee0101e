"""From one scrape to one answer: find, name, collect, write.

Serving the answer over HTTP is left to the server.
"""
