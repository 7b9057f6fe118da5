"""The demonstration: an order process of ours in two versions, workers that fail now and then, and what is seen of it.

::

    story     what happens, day by day          orders    what goes wrong with which order
    workers   do the jobs over HTTP             client    speaks HTTP for all of them
    views     asks the five insight views       checks    do their figures agree?
    pictures  shows them in the terminal        screen    how the story goes, while it goes
    models/   the process, in two versions
"""
