"""How high the load will be when a pod that is asked for now can serve, and how far to go by that.

A quantile model of the peak ahead says what may come; a ladder of bolder and more timid readings of it is tried in the
shadow, beside the reactive formula, all the time; what has paid on this very workload is what asks for pods.

    values ──► features ──► model ──► rise, a quantile of it ──► ladder of asks ──► shadow ──► choice
"""
