"""From HorizontalPodAutoscalers and KEDA's ScaledObjects to PredictiveAutoscalers, and words about what has no counterpart.

Pure: dictionaries in, dictionaries and notes out. `manifest` is the way in for whatever a file holds, `hpa` also serves those
who read a live HPA. Nothing leaves `manifest` that our own `parse` would refuse.
"""
