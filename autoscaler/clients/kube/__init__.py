"""The Kubernetes API: requests, caches kept fresh by list and watch, leader election."""
