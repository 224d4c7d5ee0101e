"""Take over a live HPA and give it back, so that at each moment exactly one of the two drives the target.

    record     what is kept of an HPA, and the HPA that is made of it again     pure
    plan       what may be adopted, and by which object of ours                 pure
    word       what the status of an object of ours says about the other        pure
    session    reading and writing with patience, and telling the user
    driver     the HPA that drives, watched at each step that relies on it
    adopt      the steps of taking over, each of which can be the last one
    release    the steps back
    floors     minReplicas that were raised in mode HPAFloor, given back
    everything all that Foresail holds, given back at once
    cli        the commands

What makes it safe is not here but in the service: while an HPA names a target, an object of ours in mode Scale only says what
it would do (`loops.rivals`). So as long as one of both is there it drives, and while both are the HPA does.
"""
