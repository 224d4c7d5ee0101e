"""Schedules: which of them hold at a moment, and what that does to bounds and to what is asked for. Pure.

`cron` finds moments, `windows` says from when to when one schedule holds, `timetable` says it of all schedules of an object,
`bounds` makes them count before the HPA's own step, and `padding` after the forecast.
"""
